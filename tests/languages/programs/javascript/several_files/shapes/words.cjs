exports.place = require("./place.json").name;
