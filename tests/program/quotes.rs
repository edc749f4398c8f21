//! Quotes in doubt, whatever the size of the blocks that a file is read in: exactly the records of the `csv` crate come out, or
//! nothing does.

use std::{cell::Cell, fs, path::Path};

use proptest::{collection::vec, sample::select, strategy::Strategy};
use xwalk::{
    config::{contract::Contract, mapping},
    diagnostic::{Code, Diagnostic},
    plan::{CodeFiles, Plan},
    read::{
        files::Inputs,
        stream::{Reading, Stopped},
    },
    recording::ledger::RowStatus,
};

use crate::properties::{holds, same};

const MAPPING: &str = "mapping: 1
name: pairs
contract: schema.json
request: { method: PUT, path: /v1/pairs }
sources:
  pairs: { path: pairs.csv, dialect: { tail: accept } }
output:
  each: pairs
  fields: { a: a, b: b }
";

/// The sizes of blocks: a byte, some, what a run uses, everything.
const BLOCKS: [usize; 4] = [1, 23, 128 << 10, 8 << 20];

fn pairs() -> Plan {
    let contract = Contract::compile("schema.json", r#"{ "type": "array", "items": { "type": "object" } }"#).unwrap();
    let (mapping, places) = mapping::read("mapping.yaml", MAPPING).unwrap();
    Plan::compile(&mapping, places, contract, &CodeFiles::new()).unwrap()
}

/// The cells of a record.
type Cells = Vec<Vec<u8>>;

/// The records of a file, those that are rejected as `None`; or why it is refused.
fn read(plan: &Plan, folder: &Path, block: usize) -> Result<Vec<Option<Cells>>, Vec<Diagnostic>> {
    let (inputs, mut stamps, mut records) = (Inputs::new(folder, &[], false), Vec::new(), Vec::new());
    let reading = Reading { plan, source: 0, inputs: &inputs, block, stamps: &mut stamps };
    let files = [folder.join("pairs.csv")];
    let done = reading.read_blocks(&files, &mut |_| {}, &mut |block| {
        let (table, mut buffer) = (block.table, Vec::new());
        for (row, status) in (0..).zip(block.statuses) {
            let cells = (0..2).map(|column| table.row(row).cell(column, &mut buffer).to_vec());
            records.push((*status == RowStatus::Good).then(|| cells.collect()));
        }
        Ok(())
    });
    match done {
        Ok(_) => Ok(records),
        Err(Stopped::Input(findings)) => Err(findings),
        Err(Stopped::Storage(cause)) => panic!("{cause}"),
    }
}

/// The records that the `csv` crate finds, without those that are the header.
fn csv_records(text: &str) -> Vec<Cells> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let records: Vec<_> = reader.byte_records().map(Result::unwrap).collect();
    let start = |at: usize| {
        let position = records.get(at).map(|record| record.position().unwrap().byte());
        position.map_or(text.len(), |byte| usize::try_from(byte).unwrap())
    };
    let is_header = |at: usize| {
        let line = text[start(at)..start(at + 1)].trim_matches(['\r', '\n']);
        let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        ["a,b", "\"a\",b", "a,\"b\"", "\"a\",\"b\""].contains(&line)
    };
    let others = records.iter().enumerate().filter(|(at, _)| !is_header(*at));
    others.map(|(_, record)| record.iter().map(<[u8]>::to_vec).collect()).collect()
}

#[test]
fn dirty_text_gives_the_records_of_the_csv_crate_or_nothing() {
    let (plan, folder) = (pairs(), tempfile::tempdir().unwrap());
    let fragment = select(vec![
        "\"",
        "\"",
        "\"",
        "\"\"",
        ",",
        ",",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "x",
        "y",
        "x,y\n",
        "\"x\",\"y\"\n",
        "a,b\n",
        "\"a\",b",
        "\0",
        "\u{FEFF}",
        " ",
    ]);
    let (read_cases, refused) = (Cell::new(0), Cell::new(0));
    holds(3_000, &vec(fragment, 0..14).prop_map(|fragments| fragments.concat()), |dirty| {
        let text = format!("a,b\n{dirty}");
        fs::write(folder.path().join("pairs.csv"), &text).unwrap();
        let [ours, others @ ..] = BLOCKS.map(|block| read(&plan, folder.path(), block));
        let simple = |outcome: &Result<_, Vec<Diagnostic>>| match outcome {
            Ok(records) => Ok(Vec::clone(records)),
            Err(findings) => {
                Err(findings.iter().map(|finding| (finding.code, finding.cell.clone())).collect::<Vec<_>>())
            }
        };
        for other in &others {
            same(&simple(&ours), &simple(other))?;
        }
        let Ok(ours) = ours else {
            refused.set(refused.get() + 1);
            return Ok(());
        };
        read_cases.set(read_cases.get() + 1);
        let theirs = csv_records(text.trim_end_matches('\0'));
        same(&ours.len(), &theirs.len())?;
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            if let Some(ours) = ours {
                same(&ours, &theirs)?;
            }
        }
        Ok(())
    });
    let (read_cases, refused) = (read_cases.get(), refused.get());
    assert!(read_cases > 1_000 && refused > 300, "{read_cases} were read, {refused} refused");
}

#[test]
fn a_quote_that_is_open_across_blocks_is_told_where_it_opens() {
    let (plan, folder) = (pairs(), tempfile::tempdir().unwrap());
    let rows = |count: usize| "some,cells that fill a line of a file\n".repeat(count);
    let table = [
        // Never closed: to the end of a file of several blocks.
        (format!("{}x,\"open\n{}", rows(3_000), rows(9_000)), (3_002, 3), Some(9_000)),
        // Never closed, right before the end of the first block.
        (format!("{}\"open,x\n{}", rows(3_541), rows(1)), (3_543, 1), Some(1)),
        // Closed far behind, inside a cell: a quote that stands where none may be.
        (format!("{}x,\"open\n{}x,y\"z\n{}", rows(10), rows(9_000), rows(10)), (9_013, 5), None),
    ];
    for (text, (line, column), lines) in table {
        fs::write(folder.path().join("pairs.csv"), format!("a,b\n{text}")).unwrap();
        for block in &BLOCKS[1..] {
            let findings = read(&plan, folder.path(), *block).unwrap_err();
            let place = &findings[0].cell.as_ref().unwrap().place;
            assert_eq!((findings[0].code, place.line, place.column), (Code::ReadUnbalancedQuote, line, column));
            if let Some(lines) = lines {
                let told = if lines == 1 { "the line behind".to_owned() } else { format!("the {lines} lines behind") };
                assert!(findings[0].message.contains(&told), "{}", findings[0].message);
            }
        }
    }
}

#[test]
fn a_long_cell_in_quotes_is_one_cell_whatever_lines_it_holds() {
    let (plan, folder) = (pairs(), tempfile::tempdir().unwrap());
    let cell = "a,b\r\nx,y\r\n\r\n".repeat(20_000);
    let text = format!("a,b\nx,y\na,b\n1,\"{cell}\"\na,b\n2,z\n");
    fs::write(folder.path().join("pairs.csv"), text).unwrap();
    for block in &BLOCKS[1..] {
        let records = read(&plan, folder.path(), *block).unwrap();
        let cells: Vec<Cells> = records.into_iter().map(Option::unwrap).collect();
        let expected =
            [["x", "y"], ["1", &cell], ["2", "z"]].map(|cells| cells.map(|cell| cell.as_bytes().to_vec()).to_vec());
        assert!(cells == expected, "block of {block}");
    }
}
