/** Parameters of lookup tables. */
import { defineParams, int } from '../config/mod.ts'

export const tablesParams = defineParams({
  socketmap_max_reply_size: int('100000', 'The longest reply that a socketmap server may give, in octets.', { min: 1 }),
})
