// Leaves out of the bundle what grpc-web never calls: the JSON of @bufbuild/protobuf, a sixth of the whole.
const NEVER = `const never = () => { throw new Error("messages are binary here"); };`;
const EXPORTS = {
  "from-json": ["fromJson", "fromJsonString", "mergeFromJson", "mergeFromJsonString", "enumFromJson", "isEnumJson"],
  "to-json": ["toJson", "toJsonString", "enumToJson"],
};

export const binaryOnly = {
  name: "binary-only",
  setup(build) {
    build.onLoad({ filter: /@bufbuild\/protobuf\/dist\/esm\/(from|to)-json\.js$/ }, ({ path }) => {
      const names = EXPORTS[/([a-z]+-json)\.js$/.exec(path)[1]];
      return { contents: `${NEVER}\n${names.map((name) => `export { never as ${name} };`).join("\n")}` };
    });
  },
};
