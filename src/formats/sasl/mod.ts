/**
 * SASL mechanisms as exchanges, server and client side. RFC 4422.
 */
export type * from './contract.ts'
