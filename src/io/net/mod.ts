/**
 * The network: listeners, connections, TLS, certificates.
 */
export type * from './contract.ts'
