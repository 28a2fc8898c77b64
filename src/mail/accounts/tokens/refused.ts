/** A token is refused; the message says what is wrong with it, and nothing of what it is. */
export class TokenRefused extends Error {}
