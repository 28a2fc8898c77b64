/** The client's settings, from a main.cf in the test. */
import { makeRegistry, parseConfig } from '../../../io/config/mod.ts'
import { type ClientSettings, clientSettings, deliveryParams, lmtpParams } from './params.ts'

export function clientSettingsOf(
  set: Readonly<Record<string, string>>,
  protocol: 'smtp' | 'lmtp' = 'smtp',
): ClientSettings {
  const lines = Object.entries({ compatibility_level: '3.6', myhostname: 'self.test', ...set })
  const mainCf = lines.map(([name, value]) => `${name} = ${value}\n`).join('')
  return clientSettings(parseConfig(mainCf, makeRegistry(deliveryParams, lmtpParams)), protocol)
}
