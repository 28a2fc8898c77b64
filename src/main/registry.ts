/** All parameters of all rooms. */
import { makeRegistry, type ParamSpec } from '../io/config/mod.ts'
import { tablesParams } from '../io/tables/mod.ts'
import { accountsParams } from '../mail/accounts/mod.ts'
import { deliveryParams, lmtpParams, localParams, statusFilterParams } from '../mail/delivery/mod.ts'
import { intakeParams } from '../mail/intake/mod.ts'
import { loginsParams } from '../mail/logins/mod.ts'
import { noticesParams } from '../mail/notices/mod.ts'
import { greylistParams, policyParams, sendingParams } from '../mail/policy/mod.ts'
import { probeParams, queueParams } from '../mail/queue/mod.ts'
import { routingParams } from '../mail/routing/mod.ts'
import { storeParams } from '../mail/store/mod.ts'
import { imapdParams } from '../services/imapd/mod.ts'
import { pop3dParams } from '../services/pop3d/mod.ts'
import { lmtpdParams, postscreenParams, smtpdParams } from '../services/smtpd/mod.ts'
import { acmeParams } from './certificates/params.ts'
import { maillogParams } from './maillog/params.ts'
import { crowdParams } from './server/crowd-params.ts'
import { mainParams } from './server/params.ts'
import { snapshotParams } from './server/snapshot-params.ts'
import { submissionParams } from './server/submission-params.ts'
import { tlsParams } from './server/tls-params.ts'

export function allParams(): ReadonlyMap<string, ParamSpec<unknown>> {
  return makeRegistry(
    crowdParams,
    mainParams,
    maillogParams,
    submissionParams,
    snapshotParams,
    tlsParams,
    acmeParams,
    tablesParams,
    smtpdParams,
    lmtpdParams,
    postscreenParams,
    imapdParams,
    pop3dParams,
    policyParams,
    sendingParams,
    greylistParams,
    routingParams,
    intakeParams,
    storeParams,
    accountsParams,
    loginsParams,
    queueParams,
    probeParams,
    deliveryParams,
    lmtpParams,
    localParams,
    statusFilterParams,
    noticesParams,
  )
}
