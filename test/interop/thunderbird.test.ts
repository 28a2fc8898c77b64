/**
 * Thunderbird on a screen in memory. Its account is made from an autoconfig file by its own reader of such files; what a user
 * does with mouse and keys is done by the same functions of its main window.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { sampleMessage, withoutTrace } from '../support/client.ts'
import { startDisplay, startOnDisplay } from '../support/display.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { Marionette } from '../support/marionette.ts'
import { DOMAIN, PASSWORD, startServer, type TestServer } from '../support/server.ts'

/** How long it may take to start, and for one step, where a machine has much else to do. */
const STEP_MS = 60_000

const PREFS = {
  'marionette.port': 0,
  'app.update.enabled': false,
  'app.normandy.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'datareporting.policy.dataSubmissionPolicyBypassNotification': true,
  'toolkit.telemetry.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'http://127.0.0.1:9/',
  'mailnews.start_page.enabled': false,
  'mail.provider.suppress_dialog_on_startup': true,
  'mail.spotlight.firstRunDone': true,
  'mail.shell.checkDefaultClient': false,
  'mail.server.default.use_condstore': true,
  'mail.imap.use_status_for_biff': true,
  'mail.rights.version': 1,
  'mailnews.mark_message_read.auto': false, // the message that is shown after one went away is not read
  'app.donation.eoy.version.viewed': 999,
}

async function startThunderbird(t: TestContext, dir: string): Promise<Marionette> {
  const display = await startDisplay(t)
  const profile = join(dir, 'profile')
  mkdirSync(profile)
  const lines = Object.entries(PREFS).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`)
  writeFileSync(join(profile, 'user.js'), lines.join(''))
  const args = ['--no-remote', '--profile', profile, '--marionette', '--remote-allow-system-access']
  const options = { package: 'thunderbird', display, home: dir }
  startOnDisplay(t, 'thunderbird', args, options)
  const file = join(profile, 'MarionetteActivePort')
  await until('Thunderbird listens', () => existsSync(file) && Number(readFileSync(file, 'utf8')) > 0, STEP_MS)
  const thunderbird = await Marionette.connect(Number(readFileSync(file, 'utf8')), STEP_MS)
  t.after(() => thunderbird.close())
  return thunderbird
}

const autoconfig = (server: TestServer): string => `<?xml version="1.0"?>
<clientConfig version="1.1">
  <emailProvider id="${DOMAIN}">
    <domain>${DOMAIN}</domain>
    <displayName>Mail</displayName>
    <displayShortName>Mail</displayShortName>
    <incomingServer type="imap">
      <hostname>127.0.0.1</hostname>
      <port>${server.port('imaps')}</port>
      <socketType>SSL</socketType>
      <username>%EMAILLOCALPART%</username>
      <authentication>password-cleartext</authentication>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>127.0.0.1</hostname>
      <port>${server.port('submissions')}</port>
      <socketType>SSL</socketType>
      <username>%EMAILLOCALPART%</username>
      <authentication>password-cleartext</authentication>
    </outgoingServer>
  </emailProvider>
</clientConfig>`

/** What each script finds ready. */
const COMMON = `
  const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs')
  const { MailUtils } = ChromeUtils.importESModule('resource:///modules/MailUtils.sys.mjs')
  const until = async (what, holds) => {
    for (let n = 0; n < 500; n++) {
      const value = await holds()
      if (value) return value
      await new Promise((wake) => window.setTimeout(wake, 100))
    }
    throw new Error('not: ' + what)
  }
  const pane = () => document.getElementById('tabmail').currentAbout3Pane
  const root = () => MailServices.accounts.accounts.find((a) => a.incomingServer.type === 'imap').incomingServer.rootFolder
  const inbox = () => root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox)
  const row = (subject) => {
    const view = pane().gDBView
    for (let i = 0; i < view.rowCount; i++) if (view.getMsgHdrAt(i).mime2DecodedSubject === subject) return i
    return -1
  }
  const open = async (subject) => {
    await until('row of ' + subject, () => row(subject) >= 0)
    pane().threadTree.selectedIndex = row(subject)
    return pane().gDBView.getMsgHdrAt(row(subject))
  }
`

const SET_UP = `
  Cc['@mozilla.org/security/certoverride;1'].getService(Ci.nsICertOverrideService)
    .setDisableAllSecurityChecksAndLetAttackersInterceptMyData(true)
  const { readFromXML } = ChromeUtils.importESModule('resource:///modules/accountcreation/readFromXML.sys.mjs')
  const { AccountConfig } = ChromeUtils.importESModule('resource:///modules/accountcreation/AccountConfig.sys.mjs')
  const { CreateInBackend } = ChromeUtils.importESModule('resource:///modules/accountcreation/CreateInBackend.sys.mjs')
  const { JXON } = ChromeUtils.importESModule('resource:///modules/JXON.sys.mjs')
  const config = readFromXML(JXON.build(new DOMParser().parseFromString(args[0], 'text/xml')), 'test')
  AccountConfig.replaceVariables(config, 'Eva', args[1], args[2])
  config.rememberPassword = true
  await CreateInBackend.createAccountInBackend(config)
  await until('main window', () => pane() && pane().displayFolder)
  root().server.performExpand(null)
  await until('INBOX', () => inbox())
  pane().displayFolder(inbox().URI)
  await until('messages', () => inbox().getTotalMessages(false) === 4)
  return root().subFolders.map((folder) => folder.name).sort().join(' ')
`

/** Shows a message; answers its octets. */
const READ = `
  const header = await open(args[0])
  await until('shown', () => pane().messageBrowser.contentDocument.getElementById('messagepane')
    .contentDocument?.body?.textContent.includes('last line'))
  pane().commandController.doCommand('cmd_markAsRead')
  await until('read', () => header.isRead)
  const uri = inbox().getUriForMsg(header)
  return await new Promise((resolve, reject) => {
    let octets = ''
    MailServices.messageServiceFromURI(uri).streamMessage(uri, {
      QueryInterface: ChromeUtils.generateQI(['nsIStreamListener']),
      onStartRequest() {},
      onStopRequest: (request, result) =>
        result === 0 ? resolve(decodeURIComponent(escape(octets))) : reject(new Error('stream: ' + result)),
      onDataAvailable(request, stream, offset, count) {
        const binary = Cc['@mozilla.org/binaryinputstream;1'].createInstance(Ci.nsIBinaryInputStream)
        binary.setInputStream(stream)
        octets += binary.readBytes(count)
      },
    }, null, null, false, '', false)
  })
`

const FILE = `
  root().createSubfolder(args[1], null)
  const folder = await until('folder', () => root().subFolders.find((f) => f.name === args[1]))
  await open(args[0])
  pane().commandController.doCommand('cmd_moveMessage', folder)
  await until('moved', () => row(args[0]) < 0)
`

/** Asks the server for a word of the body together with a subject. */
const SEARCH = `
  const session = Cc['@mozilla.org/messenger/searchSession;1'].createInstance(Ci.nsIMsgSearchSession)
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, inbox())
  const add = (attrib, text) => {
    const term = session.createTerm()
    const value = term.value
    value.attrib = attrib
    value.str = text
    Object.assign(term, { attrib, op: Ci.nsMsgSearchOp.Contains, value, booleanAnd: true })
    session.appendTerm(term)
  }
  add(Ci.nsMsgSearchAttrib.Body, args[0])
  add(Ci.nsMsgSearchAttrib.Subject, args[1])
  return await new Promise((resolve) => {
    const hits = []
    session.registerListener({
      onSearchHit: (header) => hits.push(header.mime2DecodedSubject),
      onSearchDone: () => resolve(hits.join(' ')),
      onNewSearch() {},
    })
    session.search(null)
  })
`

const FLAG = `
  const header = await open(args[0])
  pane().commandController.doCommand('cmd_markAsFlagged')
  await until('flagged', () => header.isFlagged)
`

const DELETE = `
  await open(args[0])
  pane().commandController.doCommand('cmd_delete')
  await until('deleted', () => row(args[0]) < 0)
`

/** Waits for a message that nobody asked for; answers what there is. */
const HEAR = `
  await until('new message', () => row(args[0]) >= 0)
  return [...inbox().messages].filter((h) => !(h.flags & Ci.nsMsgMessageFlags.IMAPDeleted))
    .map((h) => h.mime2DecodedSubject).sort().join(' ')
`

test('Thunderbird: account by autoconfig, reads, files, searches, deletes, hears of new mail', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const { accounts, store } = server.server.rooms.current
  const eva = accounts.byLogin('eva')?.id ?? 0
  const add = async (subject: string): Promise<void> => {
    const octets = Buffer.from(sampleMessage(subject))
    await store.append(eva, 'INBOX', [octets], { sizeOctets: octets.length, flags: [] })
  }
  for (const subject of ['read', 'file', 'drop', 'keep']) await add(subject)
  const status = (mailbox: string): string => {
    const found = store.status(eva, mailbox)
    return found === undefined ? 'none' : `${found.messages} messages, ${found.unseen} unseen`
  }
  const thunderbird = await startThunderbird(t, server.dir)
  const script = (body: string, ...args: readonly unknown[]): Promise<unknown> =>
    thunderbird.run(COMMON + body, ...args)
  assert.equal(
    await script(SET_UP, autoconfig(server), `eva@${DOMAIN}`, PASSWORD),
    'Archive Drafts INBOX Junk Sent Trash',
  )
  assert.equal(status('INBOX'), '4 messages, 4 unseen')

  assert.equal(withoutTrace(String(await script(READ, 'read'))), sampleMessage('read')) // its own marks stand in front
  await until('it is seen', () => status('INBOX') === '4 messages, 3 unseen')
  await script(FILE, 'file', 'Filed')
  await until('it is filed', () => status('Filed') === '1 messages, 1 unseen')
  assert.deepEqual(
    [status('INBOX'), await messagesIn(server, 'eva', 'Filed')],
    ['3 messages, 2 unseen', [sampleMessage('file')]],
  )
  assert.equal(await script(SEARCH, 'ñandú', 'keep'), 'keep')
  await script(FLAG, 'keep')
  await script(DELETE, 'drop')
  await until('it is in Trash', () => status('Trash') === '1 messages, 0 unseen') // it marks what it throws away as read
  await add('new')
  assert.equal(await script(HEAR, 'new'), 'keep new read')
  await script('inbox().compact(null, null)')
  await until('expunged', () => status('INBOX') === '3 messages, 2 unseen')
  assert.doesNotMatch(server.log(), /SERVERBUG|panic|fatal/)
})
