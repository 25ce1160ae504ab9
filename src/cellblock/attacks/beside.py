"""Requests that bring what a compiler might run: compiled before, and registered beside a program.

Each first has its part compiled by a program of its own, which prints it, and then sends that along.
"""

from __future__ import annotations

from collections.abc import Callable

from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.ground import Ground

PROCESSOR = """
import java.nio.file.*;
import java.util.*;
import javax.annotation.processing.*;
import javax.lang.model.element.TypeElement;

@SupportedAnnotationTypes("*")
public class Told extends AbstractProcessor {
    @Override public boolean process(Set<? extends TypeElement> types, RoundEnvironment round) {
        System.err.println("it ran");
        try { Files.writeString(Path.of("BAIT"), "x"); } catch (Exception refused) { }
        return false;
    }
    public static void main(String[] args) throws Exception {
        byte[] itself = Told.class.getResourceAsStream("Told.class").readAllBytes();
        System.out.println(HexFormat.of().formatHex(itself));
    }
}
"""
MACRO = """
const MACRO: &str = r#"
    use proc_macro::TokenStream;
    #[proc_macro]
    pub fn told(_: TokenStream) -> TokenStream {
        eprintln!("it ran");
        let _ = std::fs::write("BAIT", "x");
        TokenStream::new()
    }
"#;
fn main() {
    std::fs::write("told.rs", MACRO).unwrap();
    let switches = "--edition=2021 --crate-type=proc-macro --extern=proc_macro -Copt-level=s -Cstrip=symbols";
    let made = std::process::Command::new("/usr/bin/rustc").args(switches.split(' ')).arg("told.rs").status();
    assert!(made.unwrap().success());
    for byte in std::fs::read("libtold.so").unwrap() { print!("{byte:02x}"); }
}
"""


def with_processor(told: str) -> list[dict[str, str]]:
    """Return the files of a Java program beside which a processor is registered."""
    main = 'class Main { public static void main(String[] args) { System.out.println("attempt"); } }'
    return [
        {"name": "Main.java", "content": main},
        {"name": "Told.class", "content": told, "encoding": "hex"},
        {"name": "META-INF/services/javax.annotation.processing.Processor", "content": "Told\n"},
    ]


def with_macro(told: str) -> list[dict[str, str]]:
    """Return the files of a Rust program that invokes a macro of the crate beside it."""
    main = 'extern crate told;\ntold::told!();\nfn main() { println!("attempt"); }'
    return [
        {"name": "main.rs", "content": main},
        {"name": "libtold.so", "content": told, "encoding": "hex"},
    ]


def processors_of_their_own(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Register an annotation processor; the program is compiled and run, and nothing else."""
    return _brought(caller, ground, answers, "java", PROCESSOR, with_processor, refused="attempt")


def macros_of_their_own(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Invoke a procedural macro; the compiler looks for no crate where the program is."""
    return _brought(caller, ground, answers, "rust", MACRO, with_macro, refused="can't find crate for `told`")


def _brought(
    caller: Caller,
    ground: Ground,
    answers: list[Answer],
    language: str,
    part: str,
    beside: Callable[[str], list[dict[str, str]]],
    *,
    refused: str,
) -> list[str]:
    """Have the part compiled, send it beside a program, and name what is not as where it was refused."""
    code = part.replace("BAIT", f"{ground.directories[0]}/open")
    made = caller.execute(language, code=code)
    told = str((made.json().get("run") or {}).get("stdout") or "").strip()
    if not told:
        return [f"what it brings was not compiled: {made.text[-300:]}"]
    answer = caller.execute(language, files=beside(told))
    answers.append(answer)
    if "it ran" in answer.text:
        return ["the compiler ran what the program brought"]
    return [] if refused in answer.text else [f"it was not refused: {answer.text[-300:]}"]
