"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.readStack = exports.parseOutputs = exports.SCHEMA_VERSION = void 0;
/** The package's public interface. */
var contract_ts_1 = require("./contract.js");
Object.defineProperty(exports, "SCHEMA_VERSION", { enumerable: true, get: function () { return contract_ts_1.SCHEMA_VERSION; } });
var parse_ts_1 = require("./parse.js");
Object.defineProperty(exports, "parseOutputs", { enumerable: true, get: function () { return parse_ts_1.parseOutputs; } });
var reader_ts_1 = require("./reader.js");
Object.defineProperty(exports, "readStack", { enumerable: true, get: function () { return reader_ts_1.readStack; } });
