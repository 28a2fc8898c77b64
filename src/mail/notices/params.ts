/** Parameters of reports, with Postfix's names and defaults. */
import { defineParams, size } from '../../io/config/mod.ts'

export const noticesParams = defineParams({
  bounce_size_limit: size('50000', 'The most octets of a message that are returned with a report.', { min: 1 }),
})
