/** SRV records in the order of trial. RFC 2782. */

export interface Service {
  readonly host: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** By priority; among equals by chance, in proportion to their weights. */
export function inSrvOrder(services: readonly Service[], random: () => number = Math.random): Service[] {
  const priorities = [...new Set(services.map(({ priority }) => priority))].toSorted((a, b) => a - b)
  return priorities.flatMap((priority) =>
    byWeight(
      services.filter((one) => one.priority === priority),
      random,
    ),
  )
}

function byWeight(services: readonly Service[], random: () => number): Service[] {
  // Those of weight 0 in front: they are chosen only where chance gives nothing to the others.
  let left = services.toSorted((a, b) => Math.sign(a.weight) - Math.sign(b.weight))
  const order: Service[] = []
  while (left.length > 0) {
    const total = left.reduce((sum, { weight }) => sum + weight, 0)
    const chosen = Math.floor(random() * (total + 1))
    let running = 0
    const next = left.find(({ weight }) => (running += weight) >= chosen)
    if (next === undefined) return [...order, ...left]
    order.push(next)
    left = left.filter((one) => one !== next)
  }
  return order
}
