/** Bundles the three entries into dist/: what a page loads, its audio thread's part, and what Node loads. */

import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
rmSync("dist", { recursive: true, force: true });

const common = { bundle: true, format: "esm", sourcemap: true, outdir: "dist", logLevel: "warning" };
await build({
  ...common,
  target: "es2022",
  entryPoints: { browser: "src/browser/index.ts", "capture-worklet": "src/browser/capture-worklet.ts" },
});
await build({
  ...common,
  platform: "node",
  target: "node20",
  packages: "external",
  entryPoints: { node: "src/node/index.ts" },
});
