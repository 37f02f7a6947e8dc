// A scorer: it gets a message and says what a reader or a mail filter would dislike. The contract is wit/scorer.wit.
// It has no clock, no network and no files: the same message always gets the same verdict.
//
// Untested: this was written by the documentation of TinyGo and wit-bindgen-go, and never built.
package main

import (
	"encoding/json"
	"strings"
	"unsafe"

	"go.bytecodealliance.org/cm"

	scoring "{{name}}/gen/pillarbox/plugin/content-scoring"
)

const phrasesByDefault = "act now, risk free, you have won"

var shorteners = []string{"bit.ly", "goo.gl", "is.gd", "t.ly", "tinyurl.com"}

func rule(id, category string, severity scoring.Severity, points float64, description, suggestion string) scoring.Rule {
	return scoring.Rule{ID: id, Category: category, Severity: severity, Points: points,
		Description: description, Suggestion: suggestion}
}

var (
	phrase = rule("PHRASE", "wording", scoring.SeverityInfo, 1,
		"Looks for phrases that press the reader. The setting `phrases` names them.",
		"Say what the reader gets instead.")
	linkShortened = rule("LINK_SHORTENED", "links", scoring.SeverityError, 1.5,
		"Looks for links through a shortener, which hide where they lead; filters distrust them.",
		"Link to your own site.")
	subjectMissing = rule("SUBJECT_MISSING", "subject", scoring.SeverityWarning, 0.5,
		"Looks for a message without a subject.",
		"Say in the subject what the message is about.")
)

func init() {
	scoring.Exports.Describe = func() scoring.Description {
		// A setting is declared by an attribute. The host checks what an operator gives, and hands it over as text.
		phrases, _ := json.Marshal(map[string]string{"type": "text", "default": phrasesByDefault,
			"description": "Phrases to look for, with commas between"})
		return scoring.Description{Name: "{{name}}", Version: "0.1.0",
			Summary:    "Looks for pressing phrases and shortened links.",
			Attributes: cm.ToList([][2]string{{"setting:phrases", string(phrases)}})}
	}
	scoring.Exports.Rules = func() cm.List[scoring.Rule] {
		return cm.ToList([]scoring.Rule{phrase, linkShortened, subjectMissing})
	}
	scoring.Exports.Score = score
}

func score(message scoring.Message, settings cm.List[scoring.Setting]) (result cm.Result[scoring.VerdictShape, scoring.Verdict, string]) {
	phrases := phrasesByDefault
	for _, setting := range settings.Slice() {
		if setting[0] == "phrases" {
			phrases = setting[1]
		}
	}
	parts := []struct {
		name string
		text cm.Option[string]
	}{{"subject", message.Subject}, {"html", message.HTML}, {"text", message.Text}}
	var findings []scoring.Finding
	for _, part := range parts {
		if text := part.text.Some(); text != nil {
			findings = append(findings, lookForPhrases(part.name, *text, phrases)...)
			findings = append(findings, lookForLinks(part.name, *text)...)
		}
	}
	if subject := message.Subject.Some(); subject == nil || strings.TrimSpace(*subject) == "" {
		findings = append(findings, finding(subjectMissing, "The message has no subject.", "subject", 0, 0))
	}
	verdict := scoring.Verdict{Findings: cm.ToList(findings)}
	for _, found := range findings {
		verdict.SpamScore += found.Points
	}
	result.SetOK(verdict)
	return
}

func lookForPhrases(part, text, phrases string) (findings []scoring.Finding) {
	lower := asciiLower(text)
	for _, wanted := range strings.Split(phrases, ",") {
		wanted = strings.TrimSpace(wanted)
		if at := strings.Index(lower, asciiLower(wanted)); wanted != "" && at >= 0 {
			message := "“" + text[at:at+len(wanted)] + "” presses the reader."
			findings = append(findings, finding(phrase, message, part, at, len(wanted)))
		}
	}
	return
}

func lookForLinks(part, text string) (findings []scoring.Finding) {
	for at := 0; ; {
		mark := strings.Index(text[at:], "://")
		if mark < 0 {
			return
		}
		at += mark + len("://")
		host := text[at:]
		isOutside := func(r rune) bool { return r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }
		if end := strings.IndexFunc(asciiLower(host), isOutside); end >= 0 {
			host = host[:end]
		}
		for _, shortener := range shorteners {
			if asciiLower(host) == shortener {
				message := "“" + host + "” hides where the link leads."
				findings = append(findings, finding(linkShortened, message, part, at, len(host)))
			}
		}
	}
}

// In ASCII alone, so that lower case is as long as upper case and a place in one is a place in the other.
func asciiLower(text string) string {
	bytes := []byte(text)
	for i, b := range bytes {
		if b >= 'A' && b <= 'Z' {
			bytes[i] = b + 'a' - 'A'
		}
	}
	return string(bytes)
}

// What a rule found, in so many bytes of that part.
func finding(rule scoring.Rule, message, part string, offset, length int) scoring.Finding {
	location := scoring.Location{Part: part, Offset: uint32(offset), Length: uint32(length)}
	return scoring.Finding{Rule: rule.ID, Severity: rule.Severity, Points: rule.Points, Message: message,
		Suggestion: rule.Suggestion, Location: cm.Some(location)}
}

// The host asks for memory for what it hands over. What it was given must outlive the garbage collector's next round.
var given [][]byte

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	block := make([]byte, size+align)
	given = append(given, block)
	start := unsafe.Pointer(unsafe.SliceData(block))
	start = unsafe.Add(start, (align-uint32(uintptr(start))%align)%align)
	if old != nil {
		copy(unsafe.Slice((*byte)(start), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return start
}

func main() {}
