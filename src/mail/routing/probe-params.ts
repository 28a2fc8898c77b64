/** Where address probes go, if not where mail goes: address_verify_* of trivial-rewrite(8). ADDRESS_VERIFICATION_README. */
import { type Config, defineParams, str } from '../../io/config/mod.ts'

export const probeRouteParams = defineParams({
  address_verify_default_transport: str('$default_transport', 'default_transport, for address probes.'),
  address_verify_local_transport: str('$local_transport', 'local_transport, for address probes.'),
  address_verify_relay_transport: str('$relay_transport', 'relay_transport, for address probes.'),
  address_verify_virtual_transport: str('$virtual_transport', 'virtual_transport, for address probes.'),
  address_verify_relayhost: str('$relayhost', 'relayhost, for address probes.'),
  address_verify_transport_maps: str('$transport_maps', 'transport_maps, for address probes.'),
  address_verify_sender_dependent_relayhost_maps: str(
    '$sender_dependent_relayhost_maps',
    'sender_dependent_relayhost_maps, for address probes; the sender is address_verify_sender.',
  ),
  address_verify_sender_dependent_default_transport_maps: str(
    '$sender_dependent_default_transport_maps',
    'sender_dependent_default_transport_maps, for address probes; the sender is address_verify_sender.',
  ),
})

/** The configuration in which routes are those of probes; the same one where nothing is said of probes. */
export function probeConfig(config: Config): Config {
  const cf: Readonly<Record<string, string>> = config.bind(probeRouteParams)
  const other = Object.entries(cf)
    .map(([name, value]) => [name.replace('address_verify_', ''), value] as const)
    .filter(([name, value]) => config.value(name) !== value)
  return other.length === 0 ? config : config.with(new Map(other))
}
