//! Suite S1: every attempt to break out, under all layers, with each mandatory layer missing from the kernel, and
//! as a control with none. The test executable is its own victim: it re-executes itself as the adapter.
#![expect(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    reason = "breaking out takes system calls, sound or not"
)]

mod attempts;
mod stage;

use std::process::ExitCode;

use attempts::{ATTEMPTS, Aim};
use ledger_sandbox::{Launch, Layer, Profile, Settings, enter, launch};
use stage::{End, Stage};

/// What the foreign profile grants on purpose: interpreters have threads, and a declared program may be run (shut
/// in as its caller is).
const FOREIGN_MAY: [&str; 2] = ["thread", "exec"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("adapter") => adapter(&arguments[2..]),
        Some("attempt") => attempt(&arguments[2..]),
        Some("kernel-without") => stage::kernel_without(&arguments[2..]),
        Some("idle-host") => stage::idle_host(&arguments[2..]),
        _ => suite(),
    }
}

/// `adapter PROFILE GIVEN_UP ATTEMPT AIM…`: shuts itself in, then tries.
fn adapter(arguments: &[String]) -> ExitCode {
    let give_up: Vec<Layer> = arguments[1]
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|n| n.parse().expect("a layer"))
        .collect();
    if arguments[0] == "foreign" {
        let program = std::env::current_exe().expect("own path");
        let readable = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"].map(Into::into).to_vec();
        let mut settings = Settings::foreign(readable);
        if let Profile::Foreign { readable } = &mut settings.profile {
            readable.push(program.clone());
        }
        settings.give_up = give_up;
        let mut rest = vec!["attempt".to_string()];
        rest.extend_from_slice(&arguments[2..]);
        let error = launch(&Launch { program, arguments: rest, settings }, |_| "ready".into());
        println!("refused: {error}");
        return ExitCode::from(3);
    }
    let settings = Settings { give_up, ..Settings::builtin() };
    match enter(&settings) {
        Ok(layers) => println!("ready {}", layers.names().join(" ")),
        Err(error) => {
            println!("refused: {error}");
            return ExitCode::from(3);
        }
    }
    attempt(&arguments[2..])
}

fn attempt(arguments: &[String]) -> ExitCode {
    if arguments[0] == "stay" {
        loop {
            std::thread::park();
        }
    }
    let aim = Aim {
        folder: arguments[1].clone(),
        victim: arguments[2].parse().expect("pid"),
        tcp: arguments[3].parse().expect("port"),
        udp: arguments[4].parse().expect("port"),
        abstract_name: arguments[5].clone(),
    };
    let (_, run) = ATTEMPTS.iter().find(|(name, _)| *name == arguments[0]).expect("a known attempt");
    println!("{}", if run(&aim) { "escaped" } else { "held" });
    ExitCode::SUCCESS
}

struct Column {
    title: String,
    escaped: Vec<&'static str>,
    refused: usize,
}

fn column(stage: &Stage, title: &str, profile: &str, give_up: &[Layer], without: Option<Layer>) -> Column {
    let given_up: Vec<&str> = give_up.iter().map(|layer| layer.name()).collect();
    let mut column = Column { title: title.into(), escaped: Vec::new(), refused: 0 };
    for (name, _) in ATTEMPTS {
        match stage.run(profile, &given_up.join(","), name, without) {
            End::Escaped => column.escaped.push(name),
            End::Held => {}
            End::Refused(reason) => {
                let layer = without.unwrap_or_else(|| panic!("{title}: refused to start: {reason}"));
                assert!(reason.contains(&format!("layer {layer}")), "{title}: {reason}");
                column.refused += 1;
            }
        }
    }
    println!(
        "{:<44} {:>3} of {} escaped, {:>3} refused to start",
        column.title,
        column.escaped.len(),
        ATTEMPTS.len(),
        column.refused
    );
    column
}

fn all_but(kept: &[Layer]) -> Vec<Layer> {
    Layer::ALL.into_iter().filter(|layer| !kept.contains(layer)).collect()
}

fn suite() -> ExitCode {
    let stage = Stage::set();
    let mut checks = 0;
    let mut check = |what: &str, holds: bool| {
        assert!(holds, "{what}");
        checks += 1;
    };
    check("at least 40 attempts", ATTEMPTS.len() >= 40);

    let none = column(&stage, "control: no layer", "builtin", &Layer::ALL, None);
    let unstopped = if stage.is_root { ATTEMPTS.len() * 9 / 10 } else { ATTEMPTS.len() / 2 };
    let held: Vec<_> = ATTEMPTS.iter().map(|(n, _)| *n).filter(|n| !none.escaped.contains(n)).collect();
    println!("  not possible here even without a layer: {held:?}");
    check("without layers nearly all attempts succeed", none.escaped.len() >= unstopped);

    let all = column(&stage, "builtin: all layers", "builtin", &[], None);
    check(&format!("builtin holds, but {:?}", all.escaped), all.escaped.is_empty() && all.refused == 0);
    let foreign = column(&stage, "foreign: all layers", "foreign", &[], None);
    let beyond: Vec<_> = foreign.escaped.iter().filter(|name| !FOREIGN_MAY.contains(name)).collect();
    check(&format!("foreign holds, but {beyond:?}"), beyond.is_empty() && foreign.refused == 0);

    for layer in Layer::MANDATORY {
        for profile in ["builtin", "foreign"] {
            let title = format!("{profile}: the kernel has no {layer}");
            let column = column(&stage, &title, profile, &[], Some(layer));
            check(&title, column.refused == ATTEMPTS.len());
        }
    }
    for layer in Layer::ALL {
        let title = format!("builtin: {layer} given up (unsafe option)");
        let column = column(&stage, &title, "builtin", &[layer], None);
        println!("  opened: {:?}", column.escaped);
    }
    let nnp = Layer::NoNewPrivs;
    for kept in [
        vec![Layer::Namespaces],
        vec![Layer::User, Layer::Capabilities],
        vec![Layer::Rlimits],
        vec![nnp, Layer::Landlock],
        vec![nnp, Layer::Seccomp],
    ] {
        let title = format!("builtin: {} alone", kept.last().expect("one").name());
        let alone = column(&stage, &title, "builtin", &all_but(&kept), None);
        check(&title, alone.escaped.len() <= none.escaped.len());
    }
    let no_namespaces =
        column(&stage, "foreign: the kernel permits no namespaces", "foreign", &[Layer::Namespaces], None);
    println!("  opened: {:?}", no_namespaces.escaped);
    for profile in ["builtin", "foreign"] {
        check("a dead host leaves no adapter behind", stage.dead_host_leaves_nothing(profile));
    }
    println!("{checks} passed, 0 failed");
    ExitCode::SUCCESS
}
