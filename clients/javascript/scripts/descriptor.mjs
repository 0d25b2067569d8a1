/**
 * Writes the public protocol, parsed, to src/node/descriptor.json, which is bundled: an installed package has no file
 * to find at run time, and nothing generated has to be kept in step by hand.
 */

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const PACKAGE = dirname(dirname(fileURLToPath(import.meta.url)));
const PROTOS = join(PACKAGE, "..", "..", "protos");

const root = new protobuf.Root();
const find = root.resolvePath.bind(root);
root.resolvePath = (origin, target) => (target.startsWith("amira/") ? join(PROTOS, target) : find(origin, target));
root.loadSync(["amira/asr/v1/speech.proto", join(PACKAGE, "src", "node", "status-details.proto")], { keepCase: false });
root.resolveAll();
writeFileSync(join(PACKAGE, "src", "node", "descriptor.json"), `${JSON.stringify(root.toJSON())}\n`);
