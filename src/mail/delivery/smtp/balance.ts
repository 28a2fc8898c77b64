/** Both address families before smtp_mx_address_limit. Postfix: smtp_balance_inet_protocols. */
import { isIPv6 } from 'node:net'

/**
 * As many addresses as the limit, in their order: where one family alone would fill it, it leaves the other its half, or as
 * many as there are. @param limit at least 1
 */
export function balanced<T extends { readonly address: string }>(targets: readonly T[], limit: number): T[] {
  const v6 = targets.filter(({ address }) => isIPv6(address)).length
  const v4 = targets.length - v6
  if (targets.length <= limit || v4 === 0 || v6 === 0) return targets.slice(0, limit)
  const half = Math.floor(limit / 2)
  const firstIsV4 = !isIPv6(targets[0]?.address ?? '')
  const wantedV4 = v6 <= half ? limit - v6 : v4 <= half ? v4 : Math.floor((limit + (firstIsV4 ? 1 : 0)) / 2)
  const room = { 4: wantedV4, 6: limit - wantedV4 }
  return targets.filter(({ address }) => room[isIPv6(address) ? 6 : 4]-- > 0)
}
