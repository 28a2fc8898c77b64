/**
 * DNS: a stub resolver with TTL cache and DNSSEC state.
 * In: names and types. Out: records, "there is none", or "could not be asked"; the three are never confused.
 * The hosts file stands before DNS where Postfix asks the native name service (client names, addresses of a host).
 * Standards: RFC 1035, RFC 2308 (negative answers), RFC 5452 (ports and ids of chance), RFC 6891 (EDNS), RFC 6303.
 */
export type * from './contract.ts'
export { createResolver, type ResolverOptions } from './resolver.ts'
export { filteredResolver, type ReplyFilter } from './reply-filter.ts'
export { isHostName, reverseName } from './names.ts'
export { parseReply } from './wire.ts'
