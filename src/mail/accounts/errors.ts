import type { AccountFault } from './contract.ts'

/** What an operator asked for cannot be done; `message` tells it whole. */
export class AccountError extends Error {
  readonly fault: AccountFault

  constructor(fault: AccountFault, message: string, cause?: unknown) {
    super(message, { cause })
    this.fault = fault
  }
}
