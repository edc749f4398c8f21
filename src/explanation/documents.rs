//! What is wrong with cells and with documents, explained.

use crate::{
    diagnostic::Code,
    explanation::example::{Explanation, explanation},
};

/// Explains a code of this part; `None`: another part does.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::TransformEmpty => explanation(
            "a cell is empty where a value is needed",
            "1/01;1;04324;;10;euros;2026-06-15",
            "1/01;1;04324;1;10;euros;2026-06-15",
            "Fill the cell, or decide with `if_empty` or `default`.",
        ),
        Code::TransformNotAnInteger => explanation(
            "a cell is no whole number",
            "1/01;1;04324;one;10;euros;2026-06-15",
            "1/01;1;04324;1;10;euros;2026-06-15",
            "Correct the cell, or the `type` and `group_mark` of the column.",
        ),
        Code::TransformNotADecimal => explanation(
            "a cell is no decimal number",
            "1/02;1;02123;2;3,90;euros;2026-06-15",
            "1/02;1;02123;2;3.90;euros;2026-06-15",
            "Correct the cell, or set `decimal_mark` and `group_mark` of the column.",
        ),
        Code::TransformNotABoolean => explanation(
            "a cell is neither true nor false",
            "gift: maybe",
            "gift: oui",
            "Correct the cell, or add its word to `true_values` or `false_values`.",
        ),
        Code::TransformNotADate => explanation(
            "a cell is no day in the declared format",
            "1/01;1;04324;1;10;euros;15.06.2026",
            "1/01;1;04324;1;10;euros;2026-06-15",
            "Correct the cell, or the `format` of the column.",
        ),
        Code::TransformNotADatetime => explanation(
            "a cell is no moment in the declared format",
            "ordered_at: 2026-06-15",
            "ordered_at: 15.06.2026 14:30",
            "Correct the cell, or `format`, `timezone` and `on_ambiguous` of the column.",
        ),
        Code::TransformNotATimeZone => explanation(
            "a cell that names the time zone of a moment names none",
            "opened: { type: datetime, timezone: { column: tz } }, a `tz` of `Paris`",
            "a `tz` of `Europe/Paris`",
            "Correct the cell, or write the zone into the mapping.",
        ),
        Code::TransformNotJson => explanation(
            "a cell is no JSON value",
            "1;{size: 3}",
            "1;{\"size\": 3}",
            "Correct the cell, or declare `type: text`.",
        ),
        Code::TransformNotInCodeTable => explanation(
            "a code is not in the table",
            "1;3;Norris;Chuck;83600;Fréjus;chuck@norris.example",
            "1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example",
            "Add the code to the table, or decide with `on_unknown`.",
        ),
        Code::TransformTemplate => explanation(
            "an expression fails on a record",
            "{{ weight | decimal }}, a weight of `heavy`",
            "{{ weight }}",
            "Correct the cell, or write the expression so that it works for every record.",
        ),
        Code::TransformPath => explanation(
            "a value cannot stand in the path of a request",
            "path: \"/patients/{id}\", and an empty `id`",
            "path: \"/patients/{id}\", and the id `p1`",
            "Correct the cell, or put another field into the path.",
        ),
        Code::TransformCount => explanation(
            "a list has too few or too many records",
            "lines: { many: lines, min: 1 }, an order without lines",
            "an order with one line",
            "Correct the data, or `min` and `max` of the list.",
        ),
        Code::TransformName => explanation(
            "a cell cannot be the name of a field",
            "A-100;$serde_json::private::Number;red",
            "A-100;colour;red",
            "Correct the name.",
        ),
        Code::TransformIncomplete => explanation(
            "a good record of a document that is rejected",
            "two purchases, one of them with the price `3,90`",
            "two purchases with the prices `10` and `3.90`",
            "Correct the other record, or set `on_incomplete: send` for the list.",
        ),
        Code::TransformAllFiltered => explanation(
            "no record fulfils the `where` of the mapping",
            "where: status == 'paid', and every order has the status `PAID`",
            "where: status == 'PAID'",
            "Correct the `where`; nothing, if there was nothing to send.",
        ),
        Code::CheckType => explanation(
            "a value has another type than the contract says",
            "\"price\": \"10\"",
            "\"price\": 10",
            "Declare the type of the column.",
        ),
        Code::CheckEnum => explanation(
            "a value is none of those the contract lists",
            "\"currency\": \"francs\"",
            "\"currency\": \"euros\"",
            "Correct the cell, or translate it with a code table.",
        ),
        Code::CheckRange => explanation(
            "a number is out of range",
            "1/01;1;04324;0;10;euros;2026-06-15",
            "1/01;1;04324;1;10;euros;2026-06-15",
            "Correct the cell; ask the owner of the API if the number is right.",
        ),
        Code::CheckLength => explanation(
            "a text is too short or too long",
            "1/01;1;;1;10;euros;2026-06-15",
            "1/01;1;04324;1;10;euros;2026-06-15",
            "Correct the cell, or shorten it with a template.",
        ),
        Code::CheckPattern => explanation(
            "a text does not match the pattern",
            "\"iban\": \"DE 12\"",
            "\"iban\": \"DE12500105170648489890\"",
            "Correct the cell, or change its notation with a template.",
        ),
        Code::CheckFormat => explanation(
            "a text is not in the format",
            "\"email\": \"Marie\"",
            "\"email\": \"marie@galante.example\"",
            "Correct the cell.",
        ),
        Code::CheckItems => explanation(
            "a list has too few or too many items, or one twice",
            "\"purchases\": []",
            "\"purchases\": [{ … }]",
            "Correct the data, or `min` and `max` of the list.",
        ),
        Code::CheckFields => explanation(
            "a required field is missing, or one is not allowed",
            "{ \"last_name\": \"Norris\" }",
            "{ \"last_name\": \"Norris\", \"first_name\": \"Chuck\" }",
            "Map the field, or leave it out.",
        ),
        Code::CheckRule => explanation(
            "another rule of the contract is broken",
            "\"oneOf\": no branch fits",
            "\"oneOf\": one branch fits",
            "Look at the keyword that the message names.",
        ),
        _ => return None,
    })
}
