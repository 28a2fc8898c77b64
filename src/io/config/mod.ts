/**
 * main.cf and master.cf: syntax, `$name` expansion, typed parameters.
 * In: a configuration directory and what the rooms' params.ts define. Out: a `Config` whose `bind(roomParams)` gives
 * plain frozen values (ms for times, octets for sizes, string[] for lists), and master.cf's services.
 * A room writes `defineParams({ name: int('10', 'doc', { min: 1 }), … })` and `type XSettings = Settings<typeof xParams>`.
 * Standards: postconf(5), master(5), COMPATIBILITY_README.
 */
export type * from './contract.ts'
export { ConfigError } from './errors.ts'
export { bool, choice, defineParams, int, list, makeRegistry, raw, size, str, time } from './define.ts'
export { loadConfig, parseConfig, type LoadOptions } from './load.ts'
export { splitNameValue } from './name-value.ts'
export {
  checkColumns,
  defaultMaster,
  MASTER_COLUMNS,
  type MasterEntry,
  parseMaster,
  readMasterEntries,
  splitFields,
} from './master.ts'
export { type Edit, editMainCf, editMasterCf, removeSettings } from './edit.ts'
export { indentContinuations, type LostContinuation, lostContinuations } from './continuations.ts'
export { printFolded, printMasterEntry, printMasterField, printSetting } from './print.ts'
export { servicePort, ServicePorts } from './services.ts'
export { expandText, namesIn, ExpandError, type ExpandOptions } from './expand.ts'
export { compareLevels } from './relational.ts'
export { parseTime, parseValue, splitList, ValueError } from './values.ts'
export { isBlank, readLogicalLines, trimBlanks, type LogicalLine, type LogicalLines } from './logical-lines.ts'
export { postfixParameter, postfixDefault } from './defaults.ts'
export {
  postfixParameters,
  transportParameters,
  type PostfixParameter,
  type PostfixKind,
} from './postfix-parameters.ts'
export { replaceFile } from './replace-file.ts'
export type { Machine } from './builtin.ts'
export { configFindings } from './findings.ts'
export { classOf, configDoc, countClasses, genericName, type ParameterClass, usedNames } from './classes.ts'
export { deprecatedSuccessor, oldNameSuccessor, withoutEffect } from './without-effect.ts'
export { nearest } from './nearest.ts'
