//! What is wrong with files and how their records belong together, explained.

use crate::{
    diagnostic::Code,
    explanation::example::{Explanation, explanation},
};

/// Explains a code of this part; `None`: another part does.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::ReadMissingFile => explanation(
            "an input file is not there",
            "    path: costumers.csv",
            "    path: customers.csv",
            "Correct the path of the source, or name the file with `--source`.",
        ),
        Code::ReadUnreadable => explanation(
            "an input file cannot be read",
            "-rw------- root   customers.csv",
            "-rw-r----- xwalk  customers.csv",
            "Give this user the right to read it; look at the disk if that is not it.",
        ),
        Code::ReadEmpty => explanation(
            "an input file is empty",
            "customers.csv: 0 bytes",
            "customers.csv: a header, and a line for each customer",
            "Copy it from the recorder again. Without records it still has a header.",
        ),
        Code::ReadNoFooter => explanation(
            "the last line is not the footer",
            "05.03.2026;Bank;4,9",
            "05.03.2026;Bank;4,90\nSumme;;12.000,00",
            "Copy the file again: it was probably cut. If it is whole, correct the `footer` of its dialect.",
        ),
        Code::ReadHeader => explanation(
            "the header cannot be trusted",
            "customer_id,title,lastname,firstname,postal_code,city,email",
            "customer_id;title;lastname;firstname;postal_code;city;email",
            "Correct the header, or the `dialect` of the source.",
        ),
        Code::ReadEncoding => explanation(
            "the file is in another encoding",
            "customers.csv in UTF-16, dialect: { encoding: utf-8 }",
            "customers.csv in UTF-16, dialect: { encoding: utf-16le }",
            "Set the `encoding` of the dialect, or save the file in UTF-8.",
        ),
        Code::ReadUnbalancedQuote => explanation(
            "a quote is not closed",
            "1;2;\"Norris;Chuck;83600;Fréjus;chuck@norris.example",
            "1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example",
            "Close the quote, or take it out; `quote: \"\"` reads quotes as text.",
        ),
        Code::ReadLostBlock => explanation(
            "a part of the file was lost",
            "1;2;Norris;␀␀␀␀ … ␀␀␀␀;Marie",
            "1;2;Norris;Chuck;…",
            "Copy the file from the recorder again.",
        ),
        Code::ReadTooLarge => explanation(
            "a file, a record or a cell is too large",
            "one cell of 20 MB",
            "one cell of 20 kB",
            "Look for a quote that is not closed, or divide the file.",
        ),
        Code::ReadCompressed => explanation(
            "a packed file cannot be unpacked",
            "customers.csv, packed by gzip",
            "customers.csv.gz",
            "Name it `.gz` or `.zst`, or copy it again.",
        ),
        Code::ReadPassedOver => explanation(
            "a packed file that the pattern does not match",
            "path: \"*.csv\", with part-1.csv and part-2.csv.gz",
            "path: \"*.csv*\"",
            "End the pattern in `*`, or move the file away.",
        ),
        Code::ReadChanged => explanation(
            "an input file changed while it was read",
            "xwalk convert /mnt/recorder",
            "cp -r /mnt/recorder landed && xwalk convert landed",
            "Wait until the recording is complete.",
        ),
        Code::ReadNoRecords => explanation(
            "a file has a header and no records",
            "customer_id;title;lastname;firstname;postal_code;city;email",
            "customer_id;title;lastname;firstname;postal_code;city;email\n1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example\n2;1;Galante;Marie;;;marie@galante.example",
            "Nothing, if there was nothing to record.",
        ),
        Code::ReadRaggedRecord => explanation(
            "a record has another number of cells than the header",
            "1/01;1;04324;1;10;2026-06-15",
            "1/01;1;04324;1;10;euros;2026-06-15",
            "Correct the record; a cell that holds the delimiter needs quotes.",
        ),
        Code::ReadMergedRecords => explanation(
            "two records stand on one line",
            "1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example2;1;Galante;Marie;;;marie@galante.example",
            "1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example\n2;1;Galante;Marie;;;marie@galante.example",
            "Put the line end back between them.",
        ),
        Code::ReadStrayQuote => explanation(
            "a quote stands where none may be",
            "2;1;Gal\"ante\";Marie;;;marie@galante.example",
            "2;1;Galante;Marie;;;marie@galante.example",
            "Put the whole cell in quotes and double the quote inside, or take it out.",
        ),
        Code::ReadTruncatedLastRecord => explanation(
            "the last record is cut",
            "1/02;1;02123;2;3.9 (end of file)",
            "1/02;1;02123;2;3.90;euros;…⏎",
            "Copy the file again; the record was lost when power failed.",
        ),
        Code::ReadNoLineEnd => explanation(
            "the last line has no line end",
            "…;2026-06-15 (end of file)",
            "…;2026-06-15⏎",
            "Nothing; `tail: strict` rejects such a record.",
        ),
        Code::ReadNul => explanation(
            "a record holds a NUL byte",
            "2;1;Gal␀ante;…",
            "2;1;Galante;…",
            "Correct the record, or copy the file again.",
        ),
        Code::ReadTrailingNul => explanation(
            "the file ends in NUL bytes",
            "2;1;Galante;Marie;;;marie@galante.example⏎␀␀␀␀",
            "2;1;Galante;Marie;;;marie@galante.example⏎",
            "Nothing; compare the last records with the recorder.",
        ),
        Code::ReadUndecodable => explanation(
            "a record holds bytes of another encoding",
            "1;2;Norris;Chuck;83600;Fr\\xE9jus;…",
            "1;2;Norris;Chuck;83600;Fréjus;…",
            "Set the `encoding` of the dialect; `auto` reads UTF-8 and Windows-1252.",
        ),
        Code::ReadStrayMark => explanation(
            "a byte order mark inside the file",
            "\\xEF\\xBB\\xBF2;1;Galante;…",
            "2;1;Galante;…",
            "Take the mark out: two files were joined here.",
        ),
        Code::ReadRepeatedHeader => explanation(
            "the header is there again",
            "customer_id;title;lastname;firstname;postal_code;city;email\n1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example",
            "1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example",
            "Nothing; the line was skipped.",
        ),
        Code::ReadSkippedLines => explanation(
            "lines that are no records were left out",
            "Statement of account\ndate;amount",
            "dialects:\n  bank: { delimiter: \";\", skip_lines: 1 }",
            "Nothing, if the number is the one that you expect.",
        ),
        Code::ReadBlankLine => explanation(
            "a blank line in a file with one column",
            "Norris⏎⏎Galante⏎",
            "Norris⏎\"\"⏎Galante⏎",
            "Nothing, or quotes for a record whose cell is empty.",
        ),
        Code::ReadMixedEncodings => explanation(
            "some records were Windows-1252",
            "Fréjus in UTF-8, Nîmes in Windows-1252",
            "Fréjus and Nîmes in UTF-8",
            "Nothing; `encoding: auto` has read both.",
        ),
        Code::JoinDuplicateKey => explanation(
            "records with one key differ",
            "1;1;Galante;Marie;;;marie@galante.example",
            "2;1;Galante;Marie;;;marie@galante.example",
            "Correct the key, or decide with `on_duplicate_key`.",
        ),
        Code::JoinRepeatedRecord => explanation(
            "the same record is there twice",
            "2;1;Galante;Marie;;;marie@galante.example\n2;1;Galante;Marie;;;marie@galante.example",
            "2;1;Galante;Marie;;;marie@galante.example",
            "Nothing; it was used once.",
        ),
        Code::JoinMergeConflict => explanation(
            "the rows of one record differ",
            "#1006,flo@shop.example,22.50,STK\n#1006,florence@shop.example,,MUG",
            "#1006,flo@shop.example,22.50,STK\n#1006,flo@shop.example,,MUG",
            "Correct the cell that is wrong, or leave the column to a source with `rows_of`, which reads every row by itself.",
        ),
        Code::JoinNoMatch => explanation(
            "a record belongs to a record that is not there",
            "1/02;7;02123;2;3.90;euros;2026-06-15",
            "1/02;1;02123;2;3.90;euros;2026-06-15",
            "Add the missing record, or decide with `on_orphan`.",
        ),
        Code::JoinHeldInMemory => explanation(
            "a recording was held in memory",
            "xwalk convert landed --memory 32MiB",
            "xwalk convert landed --memory 1GiB",
            "Raise `--memory`, or match by keys so that it can be divided.",
        ),
        Code::JoinLookupNotFound => explanation(
            "a lookup found no record",
            "lines.txt: sku 4711, products.txt: no sku 4711",
            "products.txt: 4711|Lamp|0,5",
            "Add the record, or decide with `on_missing`.",
        ),
        _ => return None,
    })
}
