//! Files that are wrong in every way a file can be: each gives clear errors with line, column and
//! reason, keeps its good rows, tells nothing of a value, and a second run repeats nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![expect(clippy::too_many_lines, reason = "tables of files, a line or two each")]

use denizen_gateway::{IntakeReport, Mapping};
use denizen_testkit::{Play, catalogue, play::OfficeKind};

const TAX: OfficeKind = OfficeKind {
    name: "tax",
    title: "Tax Service",
    kinds: &["urn:denizen:kind:tax-payment:1"],
    services: &[],
    files: &[],
};

const CLAIMS: [(&str, &str, &str); 7] = [
    (r#"["subject", "names", "original"]"#, "ФИО", ""),
    (r#"["subject", "names", "latin"]"#, "Latin", ""),
    (
        r#"["tax"]"#,
        "Налог",
        r#"values = { "НДФЛ" = "income", "Земельный" = "land" }"#,
    ),
    (r#"["amount"]"#, "Сумма", r#"type = "decimal""#),
    (r#"["paid_on"]"#, "Дата", r#"date = "%d.%m.%Y""#),
    (r#"["tax_year"]"#, "Год", r#"type = "integer""#),
    (r#"["receipt_number"]"#, "Чек", ""),
];

fn mapping(format: &str, prefix: &str) -> Mapping {
    let delimiter = if format == "csv" {
        "delimiter = \";\""
    } else {
        ""
    };
    let mut text = format!(
        "kind = \"{}\"\nformat = \"{format}\"\nencoding = \"utf-8\"\n{delimiter}\n\
         case_reference = \"{prefix}Дело\"\nunique = [\"{prefix}Чек\"]\n\
         [[claim]]\npath = [\"currency\"]\nconstant = \"RUB\"\n",
        TAX.kinds[0]
    );
    for (path, column, more) in CLAIMS {
        text += &format!("[[claim]]\npath = {path}\ncolumn = \"{prefix}{column}\"\n{more}\n");
    }
    Mapping::parse(&text, &catalogue()).unwrap()
}

/// A hostile file and what must become of it.
struct Case {
    name: &'static str,
    file: String,
    encode: fn(String) -> Vec<u8>,
    good: u64,
    /// Line, column, part of the reason.
    bad: Vec<(u64, &'static str, &'static str)>,
    /// Part of the error, where the file cannot be taken to its end.
    whole: Option<&'static str>,
}

/// A file whose rows are taken or refused one by one.
fn rows(
    name: &'static str,
    file: impl Into<String>,
    good: u64,
    bad: &[(u64, &'static str, &'static str)],
) -> Case {
    let (file, bad) = (file.into(), bad.to_vec());
    Case {
        name,
        file,
        encode: String::into_bytes,
        good,
        bad,
        whole: None,
    }
}

/// A file that cannot be taken to its end.
fn whole(name: &'static str, file: impl Into<String>, good: u64, error: &'static str) -> Case {
    Case {
        whole: Some(error),
        ..rows(name, file, good, &[])
    }
}

impl Case {
    fn encoded(self, encode: fn(String) -> Vec<u8>) -> Self {
        Self { encode, ..self }
    }
}

/// `¤` becomes a byte that is nowhere in UTF-8.
fn broken(text: String) -> Vec<u8> {
    let mut out = Vec::new();
    for c in text.chars() {
        match c {
            '¤' => out.push(0xff),
            c => out.extend(c.to_string().as_bytes()),
        }
    }
    out
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn cut(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    bytes.truncate(bytes.len() - 1);
    bytes
}

// --- CSV ---

const HEADER: &str = "Дело;ФИО;Latin;Налог;Сумма;Дата;Год;Чек\n";

/// A good row; `#` becomes the number of the file, so that no two files share a row.
fn good(n: u8) -> String {
    format!("К#-{n};Сидорова Анна;Sidorova Anna;НДФЛ;1 200,00;05.07.2026;2025;Ч#-{n}\n")
}

/// A good row with one cell replaced.
fn with(n: u8, column: usize, cell: &str) -> String {
    let row = good(n);
    let mut cells: Vec<_> = row.trim_end().split(';').collect();
    cells[column] = cell;
    cells.join(";") + "\n"
}

const NAME: usize = 1;
const LATIN: usize = 2;
const KIND: usize = 3;
const SUM: usize = 4;
const DAY: usize = 5;
const YEAR: usize = 6;

/// A good row, one with a cell that is bad, another good one.
fn cell(
    name: &'static str,
    (column, named): (usize, &'static str),
    bad: &str,
    reason: &'static str,
) -> Case {
    let file = [HEADER, &good(1), &with(2, column, bad), &good(3)].concat();
    rows(name, file, 2, &[(3, named, reason)])
}

/// The same, with a cell that is unusual and good.
fn odd(name: &'static str, column: usize, cell: &str) -> Case {
    rows(
        name,
        [HEADER, &good(1), &with(2, column, cell)].concat(),
        2,
        &[],
    )
}

fn csv_form() -> Vec<Case> {
    let (one, two) = (good(1), good(2));
    let all = [HEADER, &one, &two].concat();
    let body = |text: &str| [HEADER, &one, text, &two].concat();
    let wide = "x;".repeat(20_000) + "\n";
    vec![
        rows(
            "a quote that nobody closes, at the end",
            format!("{HEADER}{one}К#-2;\"Тайнова"),
            1,
            &[(3, "-", "unclosed quote")],
        ),
        rows(
            "a quote that nobody closes, in the middle",
            body("К#-9;\"Тайнова;НДФЛ\n"),
            1,
            &[(3, "-", "unclosed quote")],
        ),
        rows(
            "a quote within a cell",
            body(&with(9, NAME, "Тайнова 5\" Анна")),
            3,
            &[],
        ),
        rows(
            "a row over two lines",
            body(&with(9, NAME, "\"Тайнова\nАнна\"")),
            2,
            &[(3, "ФИО", "")],
        ),
        rows(
            "line ends of two kinds",
            format!("{}{two}", [HEADER, &one].concat().replace('\n', "\r\n")),
            2,
            &[],
        ),
        whole(
            "line ends of old Macs",
            all.replace('\n', "\r"),
            0,
            "no column Чек",
        ),
        rows("no line end at the end", all.trim_end(), 2, &[]),
        rows(
            "blank lines",
            format!(
                "{HEADER}\n\n{one}\r\n\n{}\n{two}\n\n",
                with(9, DAY, "тайна")
            ),
            2,
            &[(7, "Дата", "form")],
        ),
        rows(
            "blank lines before a last row without an end",
            format!("{HEADER}{one}\n\n\n{}", with(9, DAY, "тайна").trim_end()),
            1,
            &[(6, "Дата", "form")],
        ),
        rows(
            "a line of delimiters",
            body(";;;;;;;\n"),
            2,
            &[(3, "Дело", "missing")],
        ),
        rows(
            "a comment",
            body("# тайна\n"),
            2,
            &[(3, "-", "1 cells where the header has 8")],
        ),
        rows(
            "the end of a DOS file",
            format!("{all}\u{1a}"),
            2,
            &[(4, "-", "1 cells")],
        ),
        rows(
            "a row that was cut off",
            format!("{HEADER}{one}К#-2;Тайнова Анна;Tay"),
            1,
            &[(3, "-", "3 cells")],
        ),
        rows(
            "a row cut within a letter",
            format!("{HEADER}{one}К#-2;Тайнова Анна"),
            1,
            &[(3, "ФИО", "UTF-8")],
        )
        .encoded(cut),
        rows(
            "a delimiter too many",
            body("К#-9;Тайнова;Taynova;НДФЛ;1;05.07.2026;2025;Ч#-9;\n"),
            2,
            &[(3, "-", "9 cells")],
        ),
        rows(
            "very many cells",
            body(&wide),
            2,
            &[(3, "-", "20001 cells")],
        ),
        whole(
            "a very long row",
            format!("{HEADER}{one}\"{}", "тайна;".repeat(150_000)),
            1,
            "line 3 does not end",
        ),
        whole(
            "a very long header",
            "x".repeat(2 << 20),
            0,
            "line 1 does not end",
        ),
        rows(
            "a row twice",
            body(&one),
            2,
            &[(3, "-", "same row as line 2")],
        ),
    ]
}

fn csv_head_and_encoding() -> Vec<Case> {
    let (one, two) = (good(1), good(2));
    let all = [HEADER, &one, &two].concat();
    let le = |text: String| utf16(&text, u16::to_le_bytes);
    let be = |text: String| utf16(&text, u16::to_be_bytes);
    vec![
        whole("an empty file", "", 0, "the file is empty"),
        whole(
            "a mark and nothing else",
            "\u{feff}",
            0,
            "the file is empty",
        ),
        whole("blank lines only", "\n\r\n\n", 0, "the file is empty"),
        rows("a header and nothing else", HEADER, 0, &[]),
        whole("no header", format!("{one}{two}"), 0, "no column"),
        whole(
            "a header that lacks a column",
            all.replace(";Чек\n", ";Счёт\n"),
            0,
            "no column Чек",
        ),
        whole(
            "a column twice",
            all.replacen("Latin", "ФИО", 1),
            0,
            "two columns ФИО",
        ),
        whole(
            "tabs where the mapping says semicolons",
            all.replace(';', "\t"),
            0,
            "check delimiter",
        ),
        whole(
            "commas where the mapping says semicolons",
            all.replace(';', ","),
            0,
            "check delimiter",
        ),
        whole("UTF-16 without a mark", all.clone(), 0, "no column").encoded(le),
        rows("UTF-16 with a mark", format!("\u{feff}{all}"), 2, &[]).encoded(le),
        rows(
            "UTF-16 the other way round",
            format!("\u{feff}{all}"),
            2,
            &[],
        )
        .encoded(be),
        rows("UTF-8 with a mark", format!("\u{feff}{all}"), 2, &[]),
        whole(
            "another encoding from the start",
            all.replacen("ФИО", "¤¤¤", 1),
            0,
            "not written in UTF-8",
        )
        .encoded(broken),
        cell(
            "another encoding in the middle",
            (NAME, "ФИО"),
            "Тайна¤¤",
            "not written in UTF-8",
        )
        .encoded(broken),
        rows(
            "two files in one, with a mark between",
            format!("{HEADER}{one}\u{feff}{HEADER}{two}"),
            2,
            &[(3, "Дело", "unseen")],
        ),
        rows(
            "a header that is a formula",
            format!("=cmd;{HEADER}x;{one}¤;{two}"),
            1,
            &[(3, "=cmd", "UTF-8")],
        )
        .encoded(broken),
    ]
}

fn csv_cells() -> Vec<Case> {
    let (name, latin, kind) = ((NAME, "ФИО"), (LATIN, "Latin"), (KIND, "Налог"));
    let (sum, day, year, case) = ((SUM, "Сумма"), (DAY, "Дата"), (YEAR, "Год"), (0, "Дело"));
    vec![
        cell("a NUL", name, "Тайнова\0Анна", ""),
        cell(
            "a line end of old Macs in a cell",
            name,
            "Тайнова\rАнна",
            "",
        ),
        cell("a year in words", year, "тайна", "no whole number"),
        cell("digits of another script", year, "٢٠٢٥", "no whole number"),
        cell("a year with a fraction", year, "2025.0", "no whole number"),
        cell(
            "a huge number",
            year,
            "99999999999999999999999999",
            "no whole number",
        ),
        cell("a huge amount", sum, "99999999999999999999999999", ""),
        cell("no number", sum, "NaN", "no decimal number"),
        cell("a negative amount", sum, "-1200", "no decimal number"),
        cell("a number with an exponent", sum, "1e9", "no decimal number"),
        cell("30 February", day, "30.02.2026", "no day of the calendar"),
        cell("the year 0000", day, "05.07.0000", "calendar"),
        cell("the year 10000", day, "05.07.10000", "form"),
        cell(
            "a day of the Persian calendar",
            day,
            "14.04.1405",
            "calendar",
        ),
        cell(
            "a day of the Buddhist calendar",
            day,
            "05.07.2569",
            "calendar",
        ),
        cell("month before day", day, "07.25.2026", ""),
        cell("a day with a space behind it", day, "05.07.2026 ", "form"),
        cell("a name with a space behind it", name, "Тайнова Анна ", ""),
        cell(
            "letters turned from right to left",
            name,
            "Тайнова\u{202e}Анна",
            "",
        ),
        cell(
            "a letter in two parts where a word is looked up",
            kind,
            "И\u{306}",
            "none of the values",
        ),
        cell("a face in a Latin name", latin, "Taynova 🙂", ""),
        cell("a formula in a Latin name", latin, "=cmd|'/c calc'!A1", ""),
        cell("no case reference", case, "", "missing"),
        cell(
            "an unseen character in the case reference",
            case,
            "К\u{200b}7701",
            "unseen",
        ),
        cell(
            "a space behind the case reference",
            case,
            "К7701 ",
            "unseen",
        ),
        odd("a name from right to left", NAME, "فاطمة الهاشمي"),
        odd("a joiner within a name", NAME, "می\u{200c}نا"),
        odd("a letter in two parts in a name", NAME, "Сергеи\u{306}"),
        odd("a name that looks like a formula is text", NAME, "=SUM(A1)"),
        odd("a case that nobody has waits", 0, "НЕТ ТАКОГО"),
    ]
}

// --- NDJSON ---

/// A good row as JSON.
fn line(n: u8) -> String {
    format!(
        "{{\"Дело\":\"К#-{n}\",\"ФИО\":\"Сидорова Анна\",\"Latin\":\"Sidorova Anna\",\"Налог\":\"НДФЛ\",\
         \"Сумма\":\"1 200,00\",\"Дата\":\"05.07.2026\",\"Год\":2025,\"Чек\":\"Ч#-{n}\"}}\n"
    )
}

/// A good row with one member replaced by this JSON.
fn member(n: u8, name: &str, json: &str) -> String {
    let row = line(n);
    let at = row.find(&format!("\"{name}\":")).unwrap() + name.len() + 3;
    let end = at + row[at..].find([',', '}']).unwrap();
    let end = if row[end..].starts_with(",00") {
        end + 4
    } else {
        end
    };
    format!("{}{json}{}", &row[..at], &row[end..])
}

/// A good line, this one, another good one.
fn between(name: &'static str, text: &str, column: &'static str, reason: &'static str) -> Case {
    let file = [&line(1), text, "\n", &line(3)].concat();
    rows(name, file, 2, &[(2, column, reason)])
}

/// A good line, one with a member that is bad, another good one.
fn value(
    name: &'static str,
    at: &str,
    json: &str,
    (column, reason): (&'static str, &'static str),
) -> Case {
    between(name, member(2, at, json).trim_end(), column, reason)
}

fn ndjson_form() -> Vec<Case> {
    let (one, two) = (line(1), line(2));
    let all = [one.as_str(), &two].concat();
    let le = |text: String| utf16(&text, u16::to_le_bytes);
    let deep = format!("{{\"Дело\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let twice = two.replacen("\"Год\"", "\"ФИО\":\"Тайнова\",\"Год\"", 1);
    let pretty = "{\n \"Дело\": \"Тайна\",\n \"Год\": 2025\n}";
    vec![
        rows("an empty file", "", 0, &[]),
        rows("no line end at the end", all.trim_end(), 2, &[]),
        rows(
            "line ends of two kinds",
            format!("{}{two}", one.replace('\n', "\r\n")),
            2,
            &[],
        ),
        rows(
            "line ends of old Macs",
            all.replace('\n', "\r"),
            0,
            &[(1, "-", "no JSON")],
        ),
        rows("blank lines", format!("\n\r\n{one}  \n{two}\n\n"), 2, &[]),
        rows("UTF-8 with a mark", format!("\u{feff}{all}"), 2, &[]),
        rows("UTF-16 with a mark", format!("\u{feff}{all}"), 2, &[]).encoded(le),
        rows(
            "a mark in the middle",
            format!("{one}\u{feff}{two}"),
            1,
            &[(2, "-", "no JSON: at character")],
        ),
        between(
            "another encoding in the middle",
            "{\"Дело\":\"¤\"}",
            "-",
            "not written in UTF-8",
        )
        .encoded(broken),
        between(
            "a line that was cut off",
            "{\"Дело\":\"Тайна",
            "-",
            "cut short",
        ),
        between("an array", "[\"Тайна\"]", "-", "no JSON object"),
        between("a text", "\"Тайна\"", "-", "no JSON object"),
        between("null", "null", "-", "no JSON object"),
        between(
            "two objects on a line",
            "{\"Дело\":\"Тайна\"}{\"Дело\":\"Тайна\"}",
            "-",
            "no JSON: at character",
        ),
        between(
            "a comma too many",
            "{\"Дело\":\"Тайна\",}",
            "-",
            "no JSON: at character",
        ),
        between("a comment", "// тайна", "-", "no JSON: at character"),
        between(
            "a comment behind an object",
            "{\"Дело\":\"Тайна\"} // тайна",
            "-",
            "no JSON",
        ),
        between("single quotes", "{'Дело':'Тайна'}", "-", "no JSON"),
        between("names without quotes", "{Дело:\"Тайна\"}", "-", "no JSON"),
        between(
            "a record separator",
            "\u{1e}{\"Дело\":\"Тайна\"}",
            "-",
            "no JSON",
        ),
        between("a NUL", "{\"Дело\":\"\0Тайна\"}", "-", "no JSON"),
        between("a member twice", twice.trim_end(), "-", "twice"),
        between("objects within objects without end", &deep, "-", "no JSON"),
        between("CSV", "К1;Тайнова;НДФЛ", "-", "no JSON"),
        rows(
            "an object over several lines",
            format!("{one}{pretty}\n{two}"),
            2,
            &[
                (2, "-", "cut short"),
                (3, "-", "no JSON"),
                (4, "-", "no JSON"),
                (5, "-", "no JSON"),
            ],
        ),
        rows(
            "one array of all",
            format!("[{},\n{}]\n", one.trim_end(), two.trim_end()),
            0,
            &[(1, "-", "cut short"), (2, "-", "no JSON")],
        ),
        whole(
            "a very long line",
            format!("{one}{{\"Дело\":\"{}", "тайна".repeat(150_000)),
            1,
            "line 2 does not end",
        ),
        rows(
            "a row twice",
            format!("{one}{one}{two}"),
            2,
            &[(2, "-", "same row as line 1")],
        ),
    ]
}

fn ndjson_values() -> Vec<Case> {
    let odd =
        |name, at: &str, json: &str| rows(name, [line(1), member(2, at, json)].concat(), 2, &[]);
    let (name, day, year) = ("/ФИО", "/Дата", "/Год");
    vec![
        value(
            "half a pair of surrogates",
            "ФИО",
            r#""Тайна \ud83d""#,
            ("-", "no JSON"),
        ),
        value("an escaped NUL", "ФИО", r#""Тайна\u0000""#, (name, "")),
        value(
            "an escaped turn of direction",
            "ФИО",
            r#""Тайна\u202eАнна""#,
            (name, ""),
        ),
        value("no number", "Год", "NaN", ("-", "no JSON")),
        value("no end of a number", "Год", "Infinity", ("-", "no JSON")),
        value(
            "a number that no computer holds",
            "Год",
            "1e400",
            ("-", "no JSON"),
        ),
        value(
            "a huge whole number",
            "Год",
            "99999999999999999999999999",
            (year, "another type"),
        ),
        value(
            "a year with a fraction",
            "Год",
            "2025.0",
            (year, "another type"),
        ),
        value(
            "a year in words",
            "Год",
            "\"тайна\"",
            (year, "no whole number"),
        ),
        value(
            "an amount that a computer rounds",
            "Сумма",
            "1200.1",
            ("/Сумма", "another type"),
        ),
        value(
            "a number where a text is",
            "Чек",
            "447118",
            ("/Чек", "another type"),
        ),
        value(
            "true where a text is",
            "ФИО",
            "true",
            (name, "another type"),
        ),
        value(
            "an object where a text is",
            "ФИО",
            "{\"Тайна\":1}",
            (name, "another type"),
        ),
        value(
            "a list where a text is",
            "ФИО",
            "[\"Тайна\"]",
            (name, "another type"),
        ),
        value(
            "null where a claim must be",
            "Дата",
            "null",
            ("-", "paid_on"),
        ),
        value("no case reference", "Дело", "null", ("/Дело", "missing")),
        value(
            "true as a case reference",
            "Дело",
            "true",
            ("/Дело", "no case reference"),
        ),
        value(
            "an unseen character in the case reference",
            "Дело",
            r#""К\u200b""#,
            ("/Дело", "unseen"),
        ),
        value(
            "30 February",
            "Дата",
            "\"30.02.2026\"",
            (day, "no day of the calendar"),
        ),
        value("the year 0000", "Дата", "\"05.07.0000\"", (day, "calendar")),
        value("the year 10000", "Дата", "\"05.07.10000\"", (day, "form")),
        value(
            "a day of the Persian calendar",
            "Дата",
            "\"14.04.1405\"",
            (day, "calendar"),
        ),
        value(
            "a day as a number",
            "Дата",
            "20260705",
            (day, "another type"),
        ),
        value(
            "a formula in a Latin name",
            "Latin",
            r#""=cmd|'/c calc'!A1""#,
            ("/Latin", ""),
        ),
        odd("a pair of surrogates", "ФИО", r#""Анна \ud83d\ude42""#),
        odd("an escaped letter", "ФИО", r#""\u0410\u043d\u043d\u0430""#),
        odd("a year as a text", "Год", "\"2025\""),
        odd("a whole amount as a number", "Сумма", "1200"),
        odd("a case reference as a number", "Дело", "7701"),
        odd(
            "an unknown member with a strange name",
            "Год",
            "2025,\"__proto__\":{\"a\":[null]}",
        ),
    ]
}

/// Every word of a file that could be a value.
fn words(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file).replace(HEADER.trim_end(), "");
    let words = text.split(|c: char| !c.is_alphanumeric());
    let names = ["Latin", "Сумма", "Налог"];
    let long = words.filter(|w| w.chars().count() > 4 && w.len() < 400 && !names.contains(w));
    long.map(str::to_owned).collect()
}

fn assert_silent(name: &str, said: &str, words: &[String]) {
    for word in words {
        assert!(!said.contains(word.as_str()), "{name}: {said}");
    }
}

fn assert_bad(case: &Case, report: &IntakeReport) {
    let name = case.name;
    let got: Vec<_> = report
        .bad
        .iter()
        .map(|b| (b.line, b.column.as_str()))
        .collect();
    let want: Vec<_> = case.bad.iter().map(|b| (b.0, b.1)).collect();
    assert_eq!(got, want, "{name}: {:?}", report.bad);
    for (bad, (_, _, reason)) in report.bad.iter().zip(&case.bad) {
        assert!(
            !bad.reason.is_empty() && bad.reason.contains(reason),
            "{name}: {bad:?}"
        );
    }
    // The list of bad rows is a file too, and somebody opens it in a spreadsheet.
    let list = report.bad_rows_csv();
    assert!(!list.contains("\"="), "{name}: {list}");
}

/// Takes each file in twice.
async fn take_all(format: &str, prefix: &str, cases: Vec<Case>) {
    assert!(cases.len() >= 40, "{} files of {format}", cases.len());
    let mut play = Play::with(81, &[TAX]).await;
    let (mapping, now) = (mapping(format, prefix), play.world.now());
    play.world.marks.add("a name", "Сидорова Анна");
    for (number, case) in cases.into_iter().enumerate() {
        let (name, number) = (case.name, number.to_string());
        let file = (case.encode)(case.file.replace('#', &number));
        let words = words(&file);
        let gateway = play.gateways.get_mut("tax").unwrap();
        let before = gateway.backlog().unwrap().0;
        for run in 0..2 {
            let took = gateway.intake(file.as_slice(), &mapping, now, &mut play.world.rng);
            match (&case.whole, took) {
                (None, Ok(report)) => {
                    let (new, old) = if run == 0 {
                        (case.good, 0)
                    } else {
                        (0, case.good)
                    };
                    let counts = (report.taken, report.waiting, report.repeated);
                    assert_eq!(counts, (0, new, old), "{name}: {:?}", report.bad);
                    assert_bad(&case, &report);
                    assert_silent(name, &format!("{:?}", report.bad), &words);
                }
                (Some(part), Err(error)) => {
                    let said = error.to_string();
                    assert!(said.contains(part), "{name}: {said}");
                    assert_silent(name, &format!("{said} {error:?}"), &words);
                }
                (_, took) => panic!("{name}: {took:?}"),
            }
            let waiting = gateway.backlog().unwrap().0;
            assert_eq!(
                waiting - before,
                case.good,
                "{name}: good rows are kept, once"
            );
        }
    }
    play.settle().await;
    play.end().await;
}

#[tokio::test]
async fn hostile_csv_gives_clear_errors_and_its_good_rows() {
    let mut cases = csv_form();
    cases.extend(csv_head_and_encoding());
    cases.extend(csv_cells());
    take_all("csv", "", cases).await;
}

#[tokio::test]
async fn hostile_ndjson_gives_clear_errors_and_its_good_rows() {
    let mut cases = ndjson_form();
    cases.extend(ndjson_values());
    take_all("ndjson", "/", cases).await;
}
