/**
 * The ground floor: no mail, no machine. Octets, text, clock, ids, events, wake-ups.
 */
export { publish, listen, type PostigoEvent } from './events.ts'
export { systemClock, manualClock, delayText, type Clock, type ManualClock } from './clock.ts'
export { printable } from './printable.ts'
export { Wakeup } from './wakeup.ts'
export { othersTurn, pauses } from './turns.ts'
export { slicedSort } from './sliced-sort.ts'
export { errnoText, systemText } from './system-text.ts'
export { SharedSets, type SharedSetsShape } from './shared-sets.ts'
export { newRecordId, QueueIds } from './ids.ts'
