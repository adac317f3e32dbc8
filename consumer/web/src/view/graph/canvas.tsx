/** The picture on the screen: pan, zoom, and only what is in view. */

import type { JSX, RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { culled, type Detail, type Picture } from "./picture.ts";
import { Scene } from "./scene.tsx";

export interface View {
  x: number;
  y: number;
  /** Pixels of the screen for each of the picture. */
  scale: number;
}

export interface CanvasActions {
  fit(): void;
  zoom(factor: number): void;
  /** Brings a box into view if it is not. */
  reveal(id: string): void;
}

interface CanvasProps {
  picture: Picture;
  label: string;
  /** Changes when the picture is another one, so that it is fitted into the window again. */
  subject: string;
  onClick(target: Clicked): void;
  actions: RefObject<CanvasActions | null>;
  /** Of what the lit boxes are the path; they are brought into view when it changes. */
  spotlight: string;
}

export interface Clicked {
  node: string;
  column: string | null;
  handle: "<" | ">" | null;
  double: boolean;
}

const LEAST = 0.04;
const MOST = 2.5;
const FAR_BELOW = 0.42;
/** How much more than the window is drawn, so that panning does not draw at each step. */
const MARGIN = 0.6;

interface Region {
  left: number;
  top: number;
  right: number;
  bottom: number;
  detail: Detail;
}

const inside = (inner: Region, outer: Region): boolean =>
  inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom;

function regionOf(view: View, width: number, height: number, margin: number): Region {
  const [w, h] = [width / view.scale, height / view.scale];
  const [left, top] = [-view.x / view.scale, -view.y / view.scale];
  return {
    left: left - w * margin,
    top: top - h * margin,
    right: left + w * (1 + margin),
    bottom: top + h * (1 + margin),
    detail: view.scale < FAR_BELOW ? "far" : "near",
  };
}

export function fitted(bounds: Picture["bounds"], width: number, height: number): View {
  const pad = Math.min(48, width / 12);
  const scale = Math.min(1, (width - 2 * pad) / Math.max(1, bounds.width), (height - 2 * pad) / Math.max(1, bounds.height));
  const own = Math.max(LEAST, scale);
  return {
    scale: own,
    x: (width - bounds.width * own) / 2 - bounds.x * own,
    y: (height - bounds.height * own) / 2 - bounds.y * own,
  };
}

export function Canvas({ picture, label, subject, spotlight, onClick, actions }: CanvasProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<SVGGElement>(null);
  const view = useRef<View>({ x: 0, y: 0, scale: 1 });
  const [region, setRegion] = useState<Region | null>(null);
  const regionRef = useRef<Region | null>(null);

  const show = useCallback((next: View) => {
    view.current = next;
    content.current?.setAttribute("transform", `translate(${next.x} ${next.y}) scale(${next.scale})`);
    const size = frame.current?.getBoundingClientRect();
    if (!size) return;
    const needed = regionOf(next, size.width, size.height, 0.05);
    const known = regionRef.current;
    if (known && known.detail === needed.detail && inside(needed, known)) return;
    regionRef.current = regionOf(next, size.width, size.height, MARGIN);
    setRegion(regionRef.current);
  }, []);

  const fit = useCallback(() => {
    const size = frame.current?.getBoundingClientRect();
    if (size) show(legible(picture, fitted(picture.bounds, size.width, size.height), size.width, size.height));
  }, [picture, show]);

  const zoomAt = useCallback(
    (factor: number, x: number, y: number) => {
      const { scale, x: left, y: top } = view.current;
      const next = Math.min(MOST, Math.max(LEAST, scale * factor));
      show({ scale: next, x: x - ((x - left) * next) / scale, y: y - ((y - top) * next) / scale });
    },
    [show],
  );

  const fittedFor = useRef("");
  useLayoutEffect(() => {
    if (picture.boxes.length === 0 || fittedFor.current === subject) return;
    fittedFor.current = subject;
    fit();
  }, [subject, picture, fit]);

  const spotlightFor = useRef("");
  useLayoutEffect(() => {
    const size = frame.current?.getBoundingClientRect();
    const lit = picture.boxes.filter((box) => !box.dim);
    const key = spotlight && `${spotlight}\n${lit.length}`;
    if (spotlightFor.current === key) return;
    spotlightFor.current = key;
    if (!spotlight || !size || lit.length === 0) return;
    const all = around(lit);
    const seen = regionOf(view.current, size.width, size.height, 0);
    if (all.x >= seen.left && all.x + all.width <= seen.right && all.y >= seen.top && all.y + all.height <= seen.bottom) return;
    show(legible({ ...picture, bounds: all }, fitted(all, size.width, size.height), size.width, size.height));
  }, [spotlight, picture, show]);

  actions.current = {
    fit: () => fitAll(picture, frame.current, show),
    zoom: (factor) => {
      const size = frame.current!.getBoundingClientRect();
      zoomAt(factor, size.width / 2, size.height / 2);
    },
    reveal: (id) => {
      const box = picture.boxes.find((one) => one.id === id);
      const size = frame.current?.getBoundingClientRect();
      if (box && size) show(revealed(view.current, box, size.width, size.height));
    },
  };

  usePointers(frame, view, show, zoomAt, onClick);
  useEffect(() => {
    const observer = new ResizeObserver(() => show(view.current));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, [show]);

  const part = region ? culled(picture, region.left, region.top, region.right, region.bottom) : { ...picture, boxes: [], lines: [] };
  return (
    <div class="canvas" ref={frame}>
      <svg role="img" aria-label={label} width="100%" height="100%">
        <g ref={content}>
          <Scene picture={part} options={{ detail: region?.detail ?? "near", now: Date.now() }} />
        </g>
      </svg>
    </div>
  );
}

function around(boxes: readonly Picture["boxes"][number][]): Picture["bounds"] {
  const left = Math.min(...boxes.map((box) => box.x));
  const top = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function fitAll(picture: Picture, frame: HTMLDivElement | null, show: (view: View) => void): void {
  const size = frame?.getBoundingClientRect();
  if (size) show(fitted(picture.bounds, size.width, size.height));
}

/** A first view in which names can be read: rather a part around the root than all of it, small. */
function legible(picture: Picture, whole: View, width: number, height: number): View {
  const least = 0.55;
  const root = picture.boxes.find((box) => box.isRoot);
  if (whole.scale >= least || !root) return whole;
  const { x, y, width: wide, height: high } = picture.bounds;
  return {
    scale: least,
    x: centred(root.x + root.width / 2, x, wide, width, least),
    y: centred(root.y + root.height / 2, y, high, height, least),
  };
}

/** Where the picture begins so that a point is in the middle, but no side stays empty while the other is cut off. */
function centred(point: number, from: number, size: number, room: number, scale: number): number {
  const pad = 40;
  if (size * scale <= room - 2 * pad) return (room - size * scale) / 2 - from * scale;
  const least = room - pad - (from + size) * scale;
  return Math.min(pad - from * scale, Math.max(least, room / 2 - point * scale));
}

function revealed(view: View, box: Picture["boxes"][number], width: number, height: number): View {
  const pad = 24;
  const move = (from: number, size: number, room: number): number => {
    if (from < pad) return pad - from;
    return from + size > room - pad ? Math.max(pad - from, room - pad - from - size) : 0;
  };
  const dx = move(view.x + box.x * view.scale, box.width * view.scale, width);
  const dy = move(view.y + box.y * view.scale, box.height * view.scale, height);
  return dx || dy ? { ...view, x: view.x + dx, y: view.y + dy } : view;
}

/** Drag pans, two fingers and the wheel zoom, a short press clicks. */
function usePointers(
  frame: RefObject<HTMLDivElement | null>,
  view: { current: View },
  show: (view: View) => void,
  zoomAt: (factor: number, x: number, y: number) => void,
  onClick: (target: Clicked) => void,
): void {
  const latest = useRef(onClick);
  latest.current = onClick;
  useEffect(() => {
    const element = frame.current!;
    const pointers = new Map<number, { x: number; y: number }>();
    let moved = 0;
    let pending: View | null = null;
    const paint = (next: View): void => {
      if (!pending) {
        requestAnimationFrame(() => {
          const last = pending!;
          pending = null;
          show(last);
        });
      }
      pending = next;
      view.current = next;
    };
    const at = (event: PointerEvent | WheelEvent): { x: number; y: number } => {
      const size = element.getBoundingClientRect();
      return { x: event.clientX - size.left, y: event.clientY - size.top };
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      pointers.set(event.pointerId, at(event));
      if (pointers.size === 1) moved = 0;
    };
    const move = (event: PointerEvent): void => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = at(event);
      if (pointers.size === 2) {
        const other = [...pointers].find(([id]) => id !== event.pointerId)![1];
        const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.hypot(before.x - other.x, before.y - other.y);
        moved += 10;
        if (Number.isFinite(factor) && factor > 0) zoomAt(factor, (now.x + other.x) / 2, (now.y + other.y) / 2);
      } else {
        moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
        if (moved > 4) {
          if (!element.hasPointerCapture(event.pointerId)) element.setPointerCapture(event.pointerId);
          element.classList.add("dragging");
          paint({ ...view.current, x: view.current.x + now.x - before.x, y: view.current.y + now.y - before.y });
        }
      }
      pointers.set(event.pointerId, now);
    };
    const up = (event: PointerEvent): void => {
      pointers.delete(event.pointerId);
      element.classList.remove("dragging");
    };
    const click = (event: MouseEvent): void => {
      if (moved > 4) return;
      const target = (event.target as Element).closest("[data-node]");
      const own = (name: string): string | null =>
        (event.target as Element).closest(`[${name}]`)?.getAttribute(name) ?? null;
      if (!target) return;
      const handle = own("data-handle");
      latest.current({
        node: target.getAttribute("data-node")!,
        column: own("data-column"),
        handle: handle === "<" || handle === ">" ? handle : null,
        double: event.detail === 2,
      });
    };
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      if (event.shiftKey) {
        paint({ ...view.current, x: view.current.x - event.deltaY - event.deltaX });
        return;
      }
      const { x, y } = at(event);
      const amount = event.deltaMode === 1 ? event.deltaY * 20 : event.deltaY;
      zoomAt(Math.exp(-amount * (event.ctrlKey ? 0.01 : 0.0016)), x, y);
    };
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    element.addEventListener("click", click);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      element.removeEventListener("click", click);
      element.removeEventListener("wheel", wheel);
    };
  }, [frame, view, show, zoomAt]);
}
