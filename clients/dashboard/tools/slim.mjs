// Leaves out of the bundle what is never called here: the JSON of @bufbuild/protobuf (grpc-web is binary), and what
// its description of descriptors says about options, which tools/contracts.mjs has taken out of the contracts.
import { readFileSync } from "node:fs";

const NEVER = `const never = () => { throw new Error("messages are binary here"); };`;
const EXPORTS = {
  "from-json": ["fromJson", "fromJsonString", "mergeFromJson", "mergeFromJsonString", "enumFromJson", "isEnumJson"],
  "to-json": ["toJson", "toJsonString", "enumToJson"],
};
const DESCRIPTORS = /^(File|Field|Oneof|Enum|EnumValue|Service|Method)?DescriptorProto$/;

export const slim = {
  name: "slim",
  setup(build) {
    build.onLoad({ filter: /@bufbuild\/protobuf\/dist\/esm\/(from|to)-json\.js$/ }, ({ path }) => {
      const names = EXPORTS[/([a-z]+-json)\.js$/.exec(path)[1]];
      return { contents: `${NEVER}\n${names.map((name) => `export { never as ${name} };`).join("\n")}` };
    });
    build.onLoad({ filter: /@bufbuild\/protobuf\/dist\/esm\/wkt\/gen\/.*\/descriptor_pb\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/boot\((\{.*\})\)/, (_, json) => `boot(${withoutOptions(json)})`),
    }));
  },
};

// Messages and enums keep their places, by which they are looked up.
function withoutOptions(json) {
  const file = JSON.parse(json);
  for (const message of file.messageType) {
    if (DESCRIPTORS.test(message.name)) message.field = message.field.filter(isNeeded(message.name));
    else Object.assign(message, { field: message.field.filter(({ name }) => name === "map_entry"), enumType: [] });
    if (!DESCRIPTORS.test(message.name)) message.nestedType = [];
  }
  return JSON.stringify(file);
}

function isNeeded(message) {
  return ({ name }) => name !== "source_code_info" && (name !== "options" || message === "DescriptorProto");
}
