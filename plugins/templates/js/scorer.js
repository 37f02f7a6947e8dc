// A scorer: it gets a message and says what a reader or a mail filter would dislike. The contract is wit/scorer.wit.
// It has no clock, no network and no files: the same message always gets the same verdict.

const phraseRule = {
  id: 'PHRASE', category: 'wording', severity: 'info', points: 1,
  description: 'Looks for phrases that press the reader. The setting `phrases` names them.',
  suggestion: 'Say what the reader gets instead.', attributes: [],
};
const linkRule = {
  id: 'LINK_SHORTENED', category: 'links', severity: 'error', points: 1.5,
  description: 'Looks for links through a shortener, which hide where they lead; filters distrust them.',
  suggestion: 'Link to your own site.', attributes: [],
};
const subjectRule = {
  id: 'SUBJECT_MISSING', category: 'subject', severity: 'warning', points: 0.5,
  description: 'Looks for a message without a subject.',
  suggestion: 'Say in the subject what the message is about.', attributes: [],
};

const phrasesByDefault = 'act now, risk free, you have won';
const shorteners = ['bit.ly', 'goo.gl', 'is.gd', 't.ly', 'tinyurl.com'];

export const contentScoring = {
  describe() {
    // A setting is declared by an attribute. The host checks what an operator gives, and hands it over as text.
    const phrases = { type: 'text', default: phrasesByDefault, description: 'Phrases to look for, with commas between' };
    return {
      name: '{{name}}', version: '0.1.0', summary: 'Looks for pressing phrases and shortened links.',
      attributes: [['setting:phrases', JSON.stringify(phrases)]],
    };
  },

  rules() {
    return [phraseRule, linkRule, subjectRule];
  },

  score(message, settings) {
    const parts = ['subject', 'html', 'text'].map((part) => [part, message[part] ?? '']);
    const findings = parts.flatMap(([part, text]) => [...phrases(part, text, settings), ...links(part, text)]);
    if (!message.subject?.trim()) {
      findings.push(finding(subjectRule, 'The message has no subject.', 'subject', message.subject ?? '', 0, 0));
    }
    const spamScore = findings.reduce((sum, { points }) => sum + points, 0);
    return { spamScore, findings, attributes: [] };
  },
};

function phrases(part, text, settings) {
  const setting = settings.find(([name]) => name === 'phrases')?.[1] ?? phrasesByDefault;
  return setting.split(',').map((phrase) => phrase.trim()).filter(Boolean).flatMap((phrase) => {
    const found = new RegExp(phrase.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i').exec(text);
    return found ? [finding(phraseRule, `“${found[0]}” presses the reader.`, part, text, found.index, found[0].length)] : [];
  });
}

function links(part, text) {
  const hosts = [...text.matchAll(/(?<=:\/\/)[a-z0-9.-]+/gi)];
  const shortened = hosts.filter(([host]) => shorteners.includes(host.toLowerCase()));
  return shortened.map(({ 0: host, index }) =>
    finding(linkRule, `“${host}” hides where the link leads.`, part, text, index, host.length));
}

// A location counts bytes of UTF-8, and JavaScript counts its own units.
function finding({ id, severity, points, suggestion }, message, part, text, at, length) {
  const bytes = (piece) => new TextEncoder().encode(piece).length;
  const location = { part, offset: bytes(text.slice(0, at)), length: bytes(text.slice(at, at + length)), index: 0 };
  return { rule: id, severity, points, message, suggestion, location, attributes: [] };
}
