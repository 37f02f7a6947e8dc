// A normalizer: it gets a notification about mail that was sent and says what it means. The contract is
// wit/normalizer.wit. It has no clock, no network and no files: the same request always means the same.
//
// This one reads the notifications of a provider that we made up,
// `[{"type": "bounce", "email": "ada@example.com", "detail": "550 5.1.1 ..."}]`; put yours in its place.

const kinds = { bounce: 'bounce', complaint: 'complaint', delivery: 'delivered' };

export const webhookNormalizing = {
  describe() {
    return { name: '{{name}}', version: '0.1.0', summary: 'Reads the notifications of Example Mail.', attributes: [] };
  },

  formats() {
    return [{
      name: 'example', contentTypes: ['application/json'], attributes: [],
      description: 'Notifications of Example Mail: a JSON list of bounces, complaints and deliveries.',
    }];
  },

  normalize(request, _settings) {
    const events = [];
    const ignored = [];
    // One bad item never hides the others.
    for (const [index, item] of items(request.body).entries()) {
      const kind = kinds[item?.type];
      if (kind && typeof item.email === 'string') events.push(event(kind, item));
      else ignored.push({ index, reason: `The type ${JSON.stringify(item?.type ?? null)} is not known.` });
    }
    return { events, ignored, attributes: [] };
  },
};

function items(body) {
  try {
    const list = JSON.parse(new TextDecoder().decode(body));
    if (Array.isArray(list)) return list;
  } catch { /* it is no JSON at all */ }
  // Not ours to complain about: it may be meant for another plugin.
  throw { code: 'unrecognized', message: 'It is not a JSON list.', pointer: '' };
}

function event(kind, { email, detail, id, message_id: messageId, at_ms: atMs }) {
  const text = typeof detail === 'string' ? detail : undefined;
  const [, smtp] = text?.match(/^([2-5]\d\d)\b/) ?? [];
  const [enhanced] = text?.match(/\b[245]\.\d{1,3}\.\d{1,3}\b/) ?? [];
  return {
    kind,
    bounceType: kind === 'bounce' && enhanced ? { 5: 'hard', 4: 'soft' }[enhanced[0]] : undefined,
    recipient: email,
    recipientAlternatives: [],
    reason: text,
    class: undefined,
    smtpCode: smtp && Number(smtp),
    enhancedCode: enhanced,
    feedbackType: kind === 'complaint' ? 'abuse' : undefined,
    complaintType: undefined,
    occurredAt: Number.isInteger(atMs) ? BigInt(atMs) : undefined,
    provider: 'example',
    providerEventId: id === undefined ? undefined : String(id),
    clues: messageId === undefined ? [] : [{ kind: 'message-id', value: String(messageId) }],
    customData: undefined,
    attributes: [],
  };
}
