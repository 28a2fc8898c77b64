/** Sending limits that a main.cf of our own begins with; Postfix has none. */
export const SENDING_LIMITS = `# A stolen password sends no more than this; the rest is held: postigo account sending, release.
account_hourly_message_limit = 300
account_daily_message_limit = 2000
account_hourly_new_recipient_limit = 100
account_daily_new_recipient_limit = 500
`
