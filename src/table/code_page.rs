//! A code page of DOS: what the bytes of old exports are that are not ASCII.
//!
//! Each byte is a character or is not defined. The pages that the Encoding Standard has, such as `windows-1252`, are not here.

use oem_cp::{
    code_table::{DECODING_TABLE_CP_MAP, ENCODING_TABLE_CP_MAP},
    code_table_type::TableType,
};

/// The names of all pages. Each is also written `ibm` before its number.
const NAMES: [&str; 18] = [
    "cp437", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862",
    "cp863", "cp864", "cp865", "cp866", "cp869", "cp874",
];

/// A code page of DOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePage {
    /// Its name, for messages.
    pub name: &'static str,
    number: u16,
}

impl CodePage {
    /// The page of a name such as `cp850` or `IBM850`.
    #[must_use]
    pub fn named(label: &str) -> Option<CodePage> {
        let label = label.trim().to_ascii_lowercase();
        let digits = label.strip_prefix("cp").or_else(|| label.strip_prefix("ibm"))?;
        let name = NAMES.into_iter().find(|name| &name[2..] == digits)?;
        Some(CodePage { name, number: digits.parse().ok()? })
    }

    /// The character of a byte; `None`: the page has none.
    #[must_use]
    pub fn decode(self, byte: u8) -> Option<char> {
        let Some(at) = byte.checked_sub(0x80).map(usize::from) else { return Some(char::from(byte)) };
        match DECODING_TABLE_CP_MAP.get(&self.number)? {
            TableType::Complete(table) => Some(table[at]),
            TableType::Incomplete(table) => table[at],
        }
    }

    /// The byte of a character; `None`: the page has none.
    #[must_use]
    pub fn encode(self, character: char) -> Option<u8> {
        if let Ok(byte) = u8::try_from(character)
            && byte.is_ascii()
        {
            return Some(byte);
        }
        ENCODING_TABLE_CP_MAP.get(&self.number)?.get(&character).copied()
    }
}

#[cfg(test)]
mod tests {
    use crate::table::code_page::{CodePage, NAMES};

    #[test]
    fn each_page_is_read_and_written() {
        for name in NAMES {
            let page = CodePage::named(name).unwrap();
            assert_eq!(CodePage::named(&name.to_uppercase().replace("CP", "IBM")), Some(page));
            for byte in 0..=255 {
                if let Some(character) = page.decode(byte) {
                    assert_eq!(page.encode(character), Some(byte), "{name} {byte:#x} {character}");
                }
            }
            assert_eq!((page.decode(b'A'), page.encode('\u{FFFD}')), (Some('A'), None), "{name}");
        }
        let german = CodePage::named("cp437").unwrap();
        assert_eq!([0x84, 0x94, 0x81, 0xE1].map(|byte| german.decode(byte)), ['ä', 'ö', 'ü', 'ß'].map(Some));
        for (page, byte, character) in [
            ("cp850", 0x9E, Some('×')),
            ("cp858", 0xD5, Some('€')),
            ("cp852", 0xA9, Some('ę')),
            ("cp857", 0xE7, None),
            ("cp737", 0x80, Some('Α')),
        ] {
            assert_eq!(CodePage::named(page).unwrap().decode(byte), character, "{page}");
        }
    }

    #[test]
    fn other_names_are_none() {
        for name in ["", "cp", "cp1", "437", "cp1252", "cp0850", "dos850", "cp850x"] {
            assert_eq!(CodePage::named(name), None, "{name}");
        }
    }
}
