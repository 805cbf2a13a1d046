//! A trust file that is read means the same once it is written.
#![no_main]

use ledger::policy::Policy;

libfuzzer_sys::fuzz_target!(|data: &str| {
    if let Ok(policy) = data.parse::<Policy>() {
        assert_eq!(policy.to_string().parse(), Ok(policy));
    }
});
