//! Files.

use super::support::{Case, file, letter, notes, points, spares};

const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

pub fn cases() -> Vec<Case> {
    let binary = "application/octet-stream";
    let large = |bytes: u64| letter().attachment("a.bin", binary, b"", bytes);
    vec![
        points("ATTACHMENT_EXECUTABLE", file("setup.EXE", binary, b""), "setup.EXE"),
        points("ATTACHMENT_EXECUTABLE", file("run.js .", binary, b""), "run.js ."),
        spares("ATTACHMENT_EXECUTABLE", file("exe.pdf", "application/pdf", b"%PDF-1.7")),
        points("ATTACHMENT_HIDDEN_EXECUTABLE", file("a.pdf", binary, b"MZ\x90\0\x03"), "a.pdf"),
        spares("ATTACHMENT_HIDDEN_EXECUTABLE", file("a.txt", "text/plain", b"MZ is a city code")),
        points("ATTACHMENT_DOUBLE_EXTENSION", file("bill.pdf.exe", binary, b""), "bill.pdf.exe"),
        spares("ATTACHMENT_DOUBLE_EXTENSION", file("bill.tar.gz", binary, b"")),
        spares("ATTACHMENT_DOUBLE_EXTENSION", file("bill.2026.pdf", binary, b"")),
        points("ATTACHMENT_NAME_DECEPTIVE", file("bill\u{202e}fdp.exe", binary, b""), "bill\u{202e}fdp.exe"),
        points("ATTACHMENT_NAME_DECEPTIVE", file("bill.pdf      .exe", binary, b""), "bill.pdf      .exe"),
        spares("ATTACHMENT_NAME_DECEPTIVE", file("bill  of  May.pdf", binary, b"")),
        points("ATTACHMENT_MACRO_DOCUMENT", file("plan.xlsm", binary, b""), "plan.xlsm"),
        points("ATTACHMENT_MACRO_DOCUMENT", file("plan.docx", binary, OLE), "plan.docx"),
        spares("ATTACHMENT_MACRO_DOCUMENT", file("plan.doc", "application/msword", OLE)),
        points("ATTACHMENT_HTML", file("invoice.html", "text/html", b""), "invoice.html"),
        spares("ATTACHMENT_HTML", file("", "text/html", b"")),
        points("ATTACHMENT_DISK_IMAGE", file("disk.iso", binary, b""), "disk.iso"),
        spares("ATTACHMENT_DISK_IMAGE", file("iso.txt", binary, b"")),
        points("ATTACHMENT_ARCHIVE", file("notes.zip", "application/zip", b""), "notes.zip"),
        spares("ATTACHMENT_ARCHIVE", file("zip", binary, b"")),
        points("ATTACHMENT_ENCRYPTED_ARCHIVE", file("a.zip", "application/zip", b"PK\x03\x04\x14\0\x09\0"), "a.zip"),
        spares("ATTACHMENT_ENCRYPTED_ARCHIVE", file("a.zip", "application/zip", b"PK\x03\x04\x14\0\x08\0")),
        points("ATTACHMENT_TYPE_MISMATCH", file("a.pdf", "image/png", b"%PDF-1.7"), "a.pdf"),
        spares("ATTACHMENT_TYPE_MISMATCH", file("a.pdf", binary, b"%PDF-1.7")),
        spares(
            "ATTACHMENT_TYPE_MISMATCH",
            file("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04"),
        ),
        points("ATTACHMENT_NAMELESS", file(" ", "application/pdf", b""), " "),
        spares("ATTACHMENT_NAMELESS", file("", "message/rfc822", b"")),
        notes("ATTACHMENTS_LARGE", large(10 * 1024 * 1024 + 1)),
        spares("ATTACHMENTS_LARGE", large(10 * 1024 * 1024)),
        points("ATTACHMENT_FORGOTTEN", letter().text("Please find attached the notes."), "Please find attached"),
        spares("ATTACHMENT_FORGOTTEN", file("a.pdf", "application/pdf", b"").text("Please find attached the notes.")),
        spares("ATTACHMENT_FORGOTTEN", letter().subject("Re: notes").text("I have attached the notes.")),
    ]
}
