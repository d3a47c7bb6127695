// The longest word of a text, with Node.js.
const fs = require("node:fs");
const path = require("node:path");

const workspace = process.argv[2];
const input = JSON.parse(fs.readFileSync(path.join(workspace, "input.data"), "utf8"));
const words = (input.text ?? "what goes up must come down").split(/\s+/);
const longest = words.reduce((one, other) => (other.length > one.length ? other : one), "");
console.log(`${longest}, says Node.js ${process.version} of ${process.env.VIRTUAL_ENV}`);
fs.writeFileSync(path.join(workspace, "output.data"), JSON.stringify({ data: { longest } }));
