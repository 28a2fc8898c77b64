/**
 * Rewriting, alias expansion, address class, transport and nexthop (Postfix: trivial-rewrite, the address part of
 * cleanup, the alias part of local).
 * In: addresses in internal (unquoted) form. Out: where each goes, and the path of lookups that led there.
 * Settings: params.ts. Standards: postconf(5), canonical(5), virtual(5), transport(5), aliases(5), relocated(5).
 */
export type * from './contract.ts'
export { createRouter } from './router.ts'
export type { RoutingEvent } from './events.ts'
export type { RouterDeps, SystemUser } from './world.ts'
export { routingParams } from './params.ts'
export { ExpansionError } from './virtual.ts'
export { MapResultError } from './lookup.ts'
export { isRouted, domainAndParents } from './resolve.ts'
export { isValidHostname, literalAddress, quote, split, splitAddressExtension, unquote } from './syntax.ts'
