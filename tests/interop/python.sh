# The Python packages of the interoperability tests, in a virtual environment below target/interop.
# Sets `venv`; source it, then call python_setup.
interop=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
work_interop=$(realpath "$interop/../..")/target/interop
venv=$work_interop/venv

python_setup() {
    local stamp=$venv/$(sha256sum "$interop/requirements.txt" | cut -c1-16)
    [[ -e $stamp ]] && return
    rm -rf "$venv"
    mkdir -p "$work_interop"
    python3 -m venv "$venv"
    # aics-tlog and aics-witness declare a newer Python than they need.
    "$venv/bin/pip" install -q --disable-pip-version-check --ignore-requires-python -r "$interop/requirements.txt"
    touch "$stamp"
}
