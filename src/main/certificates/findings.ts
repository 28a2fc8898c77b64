/** What can be told of ACME before anything runs, and how the last attempt ended. */
import type { Config, Finding } from '../../io/config/mod.ts'
import { IdentityError, readPem } from '../../io/net/mod.ts'
import { dataPaths } from '../server/data-dir.ts'
import { acmeParams } from './params.ts'
import { acmeFault, acmeSettings } from './settings.ts'
import { acmeStatus } from './status.ts'

type Told = Pick<Finding, 'severity' | 'text' | 'proposal'>

export function acmeFindings(config: Config): Finding[] {
  const say = (name: string, told: Told): Finding[] => [
    { ...(config.origin(name) ?? { file: config.file, line: 0 }), name, ...told },
  ]
  const given = config.bind(acmeParams)
  if (given.acme_directory === '') return []
  if (!given.acme_agree_to_terms) {
    const text = 'no certificate is got: the terms of the authority are not agreed to'
    return say('acme_directory', { severity: 'warning', text, proposal: 'acme_agree_to_terms = yes' })
  }
  const fault = acmeFault(given)
  if (fault !== undefined)
    return say(fault.name, { severity: 'error', text: `${fault.name}: ${fault.text}; no certificate is got` })
  return [...fileFindings(given.acme_ca_file, say), ...shadowed(config, say), ...lastAttempt(config, say)]
}

type Say = (name: string, told: Told) => Finding[]

function fileFindings(file: string, say: Say): Finding[] {
  try {
    if (file !== '') readPem(file)
    return []
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error
    return say('acme_ca_file', { severity: 'error', text: `acme_ca_file: ${error.message}; no certificate is got` })
  }
}

/** Certificates of main.cf that give way. */
function shadowed(config: Config, say: Say): Finding[] {
  return ['smtpd_tls_chain_files', 'smtpd_tls_cert_file', 'smtpd_tls_eccert_file']
    .filter((name) => config.raw(name) !== undefined && !['', 'none'].includes(config.value(name) ?? ''))
    .flatMap((name) =>
      say(name, { severity: 'note', text: `${name} is shown only until there is a certificate by ACME` }),
    )
}

/** Only the owner of the data can see it. */
function lastAttempt(config: Config, say: Say): Finding[] {
  if (acmeSettings(config) === undefined) return []
  const status = acmeStatus(config, dataPaths(config).acme, false)
  if (status?.error === undefined || status.nextMs === undefined) return []
  const next = new Date(status.nextMs).toISOString()
  const has = status.certificate === undefined ? 'there is no certificate' : 'the certificate was not renewed'
  const text = `${has} (failed ${status.failures} times): ${status.error}; next try ${next}`
  return say('acme_directory', { severity: 'warning', text })
}
