// A scorer: it gets a message and says what a reader or a mail filter would dislike. The contract is wit/scorer.wit.
// It has no clock, no network and no files: the same message always gets the same verdict.

#include <stdlib.h>
#include <string.h>

#include "bindings/scorer.h"

typedef scorer_string_t text_t;
typedef exports_scoring_finding_t finding_t;

#define LITERAL(text) { (uint8_t *)(text), sizeof(text) - 1 }
#define INFO EXPORTS_SCORING_SEVERITY_INFO
#define WARNING EXPORTS_SCORING_SEVERITY_WARNING
#define ERROR EXPORTS_SCORING_SEVERITY_ERROR
#define PHRASES_BY_DEFAULT "act now, risk free, you have won"
// As many as the host takes.
#define FINDINGS_MAX 1000

enum { PHRASE, LINK_SHORTENED, SUBJECT_MISSING, RULES };

static exports_scoring_rule_t rules[RULES] = {
    [PHRASE] = { LITERAL("PHRASE"), LITERAL("wording"), INFO, 1.0,
        LITERAL("Looks for phrases that press the reader. The setting `phrases` names them."),
        LITERAL("Say what the reader gets instead."), { NULL, 0 } },
    [LINK_SHORTENED] = { LITERAL("LINK_SHORTENED"), LITERAL("links"), ERROR, 1.5,
        LITERAL("Looks for links through a shortener, which hide where they lead; filters distrust them."),
        LITERAL("Link to your own site."), { NULL, 0 } },
    [SUBJECT_MISSING] = { LITERAL("SUBJECT_MISSING"), LITERAL("subject"), WARNING, 0.5,
        LITERAL("Looks for a message without a subject."),
        LITERAL("Say in the subject what the message is about."), { NULL, 0 } },
};

static const text_t shorteners[] = {
    LITERAL("bit.ly"), LITERAL("goo.gl"), LITERAL("is.gd"), LITERAL("t.ly"), LITERAL("tinyurl.com"),
};

// A setting is declared by an attribute. The host checks what an operator gives, and hands it over as text.
static exports_scoring_attribute_t attributes[] = {
    { LITERAL("setting:phrases"),
      LITERAL("{\"type\":\"text\",\"default\":\"" PHRASES_BY_DEFAULT "\","
              "\"description\":\"Phrases to look for, with commas between\"}") },
};

// Each call has a fresh memory, so these begin empty.
static finding_t findings[FINDINGS_MAX];
static size_t findings_len;

static uint8_t lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

static bool same(text_t one, text_t other) {
    if (one.len != other.len) return false;
    for (size_t i = 0; i < one.len; i++)
        if (lower(one.ptr[i]) != lower(other.ptr[i])) return false;
    return true;
}

// Where `word` begins in `text`, from `from` on; the length of `text` where it does not.
static size_t find(text_t text, text_t word, size_t from) {
    for (size_t at = from; at + word.len <= text.len; at++)
        if (same((text_t){ text.ptr + at, word.len }, word)) return at;
    return text.len;
}

static text_t trim(text_t text) {
    while (text.len && text.ptr[0] <= ' ') text.ptr++, text.len--;
    while (text.len && text.ptr[text.len - 1] <= ' ') text.len--;
    return text;
}

// “what” and the rest of the sentence.
static text_t quote(text_t what, const char *rest) {
    size_t rest_len = strlen(rest);
    text_t sentence = { malloc(what.len + 6 + rest_len), what.len + 6 + rest_len };
    if (!sentence.ptr) abort();
    memcpy(sentence.ptr, "“", 3);
    memcpy(sentence.ptr + 3, what.ptr, what.len);
    memcpy(sentence.ptr + 3 + what.len, "”", 3);
    memcpy(sentence.ptr + 6 + what.len, rest, rest_len);
    return sentence;
}

static void report(int rule, text_t message, text_t part, size_t offset, size_t length) {
    if (findings_len == FINDINGS_MAX) return;
    findings[findings_len++] = (finding_t){
        .rule = rules[rule].id, .severity = rules[rule].severity, .points = rules[rule].points,
        .message = message, .suggestion = rules[rule].suggestion,
        .location = { true, { part, offset, length, 0 } },
    };
}

static void look_for_phrases(text_t part, text_t text, text_t phrases) {
    while (phrases.len) {
        size_t comma = find(phrases, (text_t)LITERAL(","), 0);
        text_t phrase = trim((text_t){ phrases.ptr, comma });
        size_t at = phrase.len ? find(text, phrase, 0) : text.len;
        if (at < text.len)
            report(PHRASE, quote((text_t){ text.ptr + at, phrase.len }, " presses the reader."), part, at, phrase.len);
        size_t next = comma < phrases.len ? comma + 1 : comma;
        phrases = (text_t){ phrases.ptr + next, phrases.len - next };
    }
}

static bool is_of_host(uint8_t byte) {
    byte = lower(byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' || byte == '-';
}

static void look_for_links(text_t part, text_t text) {
    const text_t mark = LITERAL("://");
    for (size_t at = find(text, mark, 0); at < text.len; at = find(text, mark, at)) {
        at += mark.len;
        text_t host = { text.ptr + at, 0 };
        while (at + host.len < text.len && is_of_host(host.ptr[host.len])) host.len++;
        for (size_t i = 0; i < sizeof shorteners / sizeof shorteners[0]; i++)
            if (same(host, shorteners[i]))
                report(LINK_SHORTENED, quote(host, " hides where the link leads."), part, at, host.len);
    }
}

void exports_scoring_describe(exports_scoring_description_t *ret) {
    *ret = (exports_scoring_description_t){
        LITERAL("{{name}}"), LITERAL("0.1.0"), LITERAL("Looks for pressing phrases and shortened links."),
        { attributes, 1 },
    };
}

void exports_scoring_rules(exports_scoring_list_rule_t *ret) {
    *ret = (exports_scoring_list_rule_t){ rules, RULES };
}

bool exports_scoring_score(exports_scoring_message_t *message, exports_scoring_list_setting_t *settings,
                           exports_scoring_verdict_t *ret, scorer_string_t *err) {
    (void)err;  // for a message that cannot be judged at all: a sentence here, and `false`
    text_t phrases = LITERAL(PHRASES_BY_DEFAULT);
    for (size_t i = 0; i < settings->len; i++)
        if (same(settings->ptr[i].f0, (text_t)LITERAL("phrases"))) phrases = settings->ptr[i].f1;

    const text_t names[] = { LITERAL("subject"), LITERAL("html"), LITERAL("text") };
    const scorer_option_string_t parts[] = { message->subject, message->html, message->text };
    for (int i = 0; i < 3; i++) {
        if (!parts[i].is_some) continue;
        look_for_phrases(names[i], parts[i].val, phrases);
        look_for_links(names[i], parts[i].val);
    }
    if (!message->subject.is_some || !trim(message->subject.val).len)
        report(SUBJECT_MISSING, (text_t)LITERAL("The message has no subject."), names[0], 0, 0);

    *ret = (exports_scoring_verdict_t){ .findings = { findings, findings_len } };
    for (size_t i = 0; i < findings_len; i++) ret->spam_score += findings[i].points;
    return true;
}
