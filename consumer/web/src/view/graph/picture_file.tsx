/** The picture as a file: the same renderer, to a string. */

import { Fragment, type ComponentChildren, type VNode } from "preact";
import sceneCss from "./scene.css";
import type { Picture } from "./picture.ts";
import { Scene } from "./scene.tsx";

const PAD = 32;

type Attributes = Record<string, unknown>;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Elements of components without hooks, as XML. */
export function xml(node: ComponentChildren): string {
  if (node === null || node === undefined || typeof node === "boolean") return "";
  if (Array.isArray(node)) return node.map(xml).join("");
  if (typeof node !== "object") return escaped(String(node));
  const { type, props } = node as VNode<Attributes & { children?: ComponentChildren }>;
  if (type === Fragment) return xml(props.children);
  if (typeof type === "function") return xml((type as (own: typeof props) => ComponentChildren)(props));
  const attributes = Object.entries(props)
    .filter(([name, value]) => !["children", "key", "ref"].includes(name) && value !== null && value !== undefined && value !== false)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
  return `<${type}${attributes}>${xml(props.children)}</${type}>`;
}

/** The colours of the theme that is shown, with their values. */
function colours(): string {
  const probe = document.createElement("span");
  document.body.append(probe);
  const names = [...new Set(sceneCss.match(/--[a-z-]+/g) ?? [])];
  const values = names.map((name) => {
    probe.style.color = `var(${name})`;
    return `${name}:${getComputedStyle(probe).color}`;
  });
  probe.remove();
  return `svg{${values.join(";")}}`;
}

export function svgText(picture: Picture, title: string): string {
  const { x, y, width, height } = picture.bounds;
  const box = [x - PAD, y - PAD, width + 2 * PAD, height + 2 * PAD].map(Math.round);
  const style = `${colours()}text{font-family:system-ui,-apple-system,"Segoe UI",sans-serif}${sceneCss}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box.join(" ")}" width="${box[2]}" height="${box[3]}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${escaped(style).replaceAll("&quot;", '"')}</style>`,
    `<rect class="paper" x="${box[0]}" y="${box[1]}" width="${box[2]}" height="${box[3]}"/>`,
    xml(<Scene picture={picture} options={{ detail: "near", now: Date.now() }} />),
    "</svg>\n",
  ].join("");
}

/** The most pixels of a side that browsers draw reliably. */
const MOST_PIXELS = 8192;

export async function png(picture: Picture, title: string): Promise<Blob> {
  const text = svgText(picture, title);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const scale = Math.min(2, MOST_PIXELS / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The picture is too large for a PNG."))), "image/png");
  });
}
