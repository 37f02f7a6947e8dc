// Sends messages that nodemailer builds, and prints for each its name and what tests/peers/parts.py is to say of it.
const crypto = require('crypto');
const fs = require('fs');
const nodemailer = require('nodemailer');

const [port, securePort, user, pass, file] = process.argv.slice(2);
const hash = content => crypto.createHash('sha256').update(content).digest('hex');
const common = { from: '"Acme, Inc." <hello@first-customer.sandbox.pillarbox.test>', to: 'Ada <ada@example.com>' };
const auth = { user, pass };
const startTls = { host: 'localhost', port: +port, requireTLS: true, auth };
const tls = { host: 'localhost', port: +securePort, secure: true, auth, authMethod: 'LOGIN' };

const text = 'Grüße, Ada\n.\n..dots\n' + 'ein langes Wort '.repeat(200);
const html = `<p>Grüße 🚀 <a href="https://example.com/?a=1&amp;b=2">${'x'.repeat(3000)}</a></p>`;
const messages = [
    ['text', startTls, { subject: 'Grüße aus Köln', text }, `text/plain - ${hash(text)}`],
    ['html', tls, { subject: 'html', text, html }, `text/plain - ${hash(text)} text/html - ${hash(html)}`],
    ['file', startTls, { subject: 'file', text, attachments: [{ filename: 'ü.bin', path: file }] },
        `text/plain - ${hash(text)} application/octet-stream ü.bin ${hash(fs.readFileSync(file))}`],
];

(async () => {
    for (const [name, options, message, expected] of messages) {
        await nodemailer.createTransport(options).sendMail({ ...common, ...message });
        console.log(name, expected);
    }
})().catch(error => {
    console.error(error);
    process.exit(1);
});
