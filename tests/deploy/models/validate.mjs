// usage: node validate.mjs NODE_MODULES <resources.json
// Says what the schemas of KEDA and the Prometheus operator refuse of a JSON array of resources; ends with 1 if anything.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const load = (path) => import(pathToFileURL(`${process.argv[2]}/@kubernetes-models/${path}/index.js`));
const models = {
  "keda.sh/v1alpha1": await load("keda/keda.sh/v1alpha1"),
  "monitoring.coreos.com/v1": await load("prometheus-operator/monitoring.coreos.com/v1"),
};
for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const Model = models[resource.apiVersion]?.[resource.kind];
  const name = `${resource.kind} ${resource.metadata.name}`;
  if (!Model) throw new Error(`${name}: there is no schema`);
  try {
    new Model(resource).validate();
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  }
}
