#!/usr/bin/env bash
# Run all benches and print one table: what is compared, the ratio, its limit, the load.
# Takes less than 20 minutes on 2 quiet cores.
#
#   scripts/bench/run.sh                          # needs the real clips and lists in ../shared/data
#   scripts/bench/run.sh --shared DIR --out bench # keep the rows and the output of each bench in the folder `bench`
#   scripts/bench/run.sh --quick                  # smallest sizes, to see that all of them run; no figures to quote
#   scripts/bench/run.sh --only package           # one bench; repeatable
#   scripts/bench/run.sh --minutes 60             # for a busy machine; by default benches end or are skipped after 20
#   scripts/bench/run.sh --inputs FOLDER          # build what they work on there, or use what an earlier run has built
#
# LMMS_PYTHON=ENV/bin/python compares with lmms-eval; without it that bench is skipped. A bench that fails is a line of
# the table, and the exit code is 1.
set -u
{ # bash reads all of this before it runs, so that the script may be edited meanwhile
cores=$(nproc)
root=$(cd "$(dirname "$0")/../.." && pwd)
shared=$root/../shared out= quick= inputs= minutes=20 only=()
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"; }
while [ $# -gt 0 ]; do
    case $1 in
        --shared) shared=$2; shift 2 ;;
        --out) out=$2; shift 2 ;;
        --only) only+=("$2"); shift 2 ;;
        --inputs) inputs=$2; shift 2 ;;
        --minutes) minutes=$2; shift 2 ;;
        --quick) quick=1; shift ;;
        -h | --help) usage; exit 0 ;;
        *) echo "run.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done
if [ ! -f "$shared/data/clips/clips.csv" ]; then
    echo "run.sh: $shared/data/clips/clips.csv is missing; give the folder with the real clips as --shared" >&2
    exit 2
fi
shared=$(cd "$shared" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "${out:=$work/out}" && out=$(cd "$out" && pwd) || exit 2
mkdir -p "${inputs:=$work/inputs}" && inputs=$(cd "$inputs" && pwd) || exit 2
rm -f "$out"/*.json "$out"/*.skipped "$out"/*.log
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
export PYTHONPATH=$root HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
cd "$work" || exit 2
names=()

chosen() { # whether --only asks for NAME
    [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $1 "* ]]
}
bench() { # NAME SECONDS SCRIPT ARGUMENTS...: run it within a limit
    local name=$1 seconds=$2 script=$3 begin=$SECONDS left=$((minutes * 60 - SECONDS))
    shift 3
    chosen "$name" || return 0
    if [ $left -lt 20 ]; then
        skip "$name" "the $minutes minutes were used up; --minutes gives more"
        return 0
    fi
    names+=("$name")
    [ "$seconds" -lt $left ] || seconds=$left
    timeout "$seconds" "$python" "$root/scripts/bench/$script.py" "$@" >"$out/$name.log" 2>&1 </dev/null
    local code=$?
    [ $code -eq 124 ] && echo "more than $seconds s" >>"$out/$name.log"
    [ $code -eq 0 ] || rm -f "$out/$name.json"
    echo "$name: $((SECONDS - begin)) s, exit code $code" >&2
}
skip() { # NAME REASON
    chosen "$1" || return 0
    names+=("$1")
    echo "$2" >"$out/$1.skipped"
}
size() { # FULL QUICK
    [ -n "$quick" ] && echo "$2" || echo "$1"
}

turns=$(size 5 3)
data=$inputs/data
echo "load $(cut -d' ' -f1 /proc/loadavg) on $cores cores" >&2
build_inputs() { # for NAME...: build what they work on
    local name
    for name in "$@"; do chosen "$name" && break; done
    chosen "$name" || return 0
    "$python" "$root/scripts/bench/inputs.py" "$inputs" --shared "$shared" --clips "$(size 15 3)" \
        >"$out/inputs.log" 2>&1 </dev/null && return 0
    tail -3 "$out/inputs.log" >&2
    echo "run.sh: the inputs could not be built, so benches that need them will fail" >&2
}

build_inputs package random_access stream stream_decoded endpoint ${LMMS_PYTHON:+evaluator_overhead}
bench select_stage 300 select_stage --shared "$shared" --rows "$(size 204000 4000)" --peer-rows "$(size 20000 1000)" \
    --turns 3 --json "$out/select_stage.json"
bench normalise 600 normalise --shared "$shared" --clips "$(size 6 1)" --turns "$turns" --budget 90 \
    --json "$out/normalise.json"
bench second_run 300 second_run --shared "$shared" --clips "$(size 1000 50)" --turns "$(size 15 3)" \
    --json "$out/second_run.json"
bench near_duplicates 600 near_duplicates --shared "$shared" --originals "$(size 15 1)" --clips "$(size 5000 200)" \
    --pairs "$(size 1000 100)" --turns "$turns" --budget 30 --json "$out/near_duplicates.json"
bench package 600 package --work "$inputs/work" --clips "$(size 60 4)" --encoded 1 --turns "$turns" --budget 60 \
    --keep "$work/large" --json "$out/package.json"
[ -d "$work/large" ] || ln -s "$data" "$work/large"
bench random_access 300 random_access --data "$work/large" --keys "$(size 24 4)" --json "$out/random_access.json"
bench stream 300 stream --data "$data" --turns "$turns" --skip decoded --json "$out/stream.json"
bench stream_decoded 600 stream --data "$data" --turns 3 --skip undecoded --json "$out/stream_decoded.json"
bench encode_once 300 encode_once --config "$(size small tiny)" --repeats "$(size 15 3)" --budget 60 \
    --row "$out/encode_once.json"
bench wrappers 300 wrappers --config "$(size small tiny)" --repeats "$(size 15 3)" --budget 60 \
    --row "$out/wrappers.json"
bench tune_step 300 tune_step --repeats "$(size 15 3)" --row "$out/tune_step.json"
# shellcheck disable=SC2046  # several words
bench diagnose 400 diagnose --turns "$turns" --budget 40 $(size "" "--tokens 600 --tokens 1200") --json "$out/diagnose.json"
skip gpu_7b "encode_once and tune_step with --device cuda --config 7b need a GPU; scripts/gpu/check.py runs them"
bench perturbation 120 perturbation --json "$out/perturbation.json"
bench endpoint 300 endpoint --data "$data" --requests "$(size 400 32)" --option audio_format=flac \
    --option concurrency=24 --turns "$turns" --json "$out/endpoint.json"
if [ -n "${LMMS_PYTHON:-}" ]; then
    bench evaluator_overhead 300 evaluator_overhead --data "$data" --lmms-python "$LMMS_PYTHON" \
        --questions "$(size 5000 200)" --turns 3 --json "$out/evaluator_overhead.json"
else
    skip evaluator_overhead "LMMS_PYTHON is not set, the python of an environment with lmms-eval"
fi
bench rescore 300 rescore --clips "$(size 200 5)" --turns "$turns" --budget 45 --json "$out/rescore.json"
bench frames 300 frames --clips "$(size 200 5)" --turns "$turns" --budget 45 --json "$out/frames.json"
bench own_share 600 own_share --shared "$shared" --clips "$(size 15 4)" --turns "$(size 3 1)" \
    --json "$out/own_share.json"
scale() { # its output becomes rows
    local left=$((minutes * 60 - SECONDS))
    chosen scale || return 0
    if [ $left -lt 20 ]; then
        skip scale "the $minutes minutes were used up; --minutes gives more"
        return 0
    fi
    names+=(scale)
    timeout $((left < 600 ? left : 600)) "$python" "$root/scripts/bench/scale.py" --rows "$(size 10000 500)" \
        --shared "$shared" --work "$work" 2>"$out/scale.log" </dev/null |
        "$python" "$root/scripts/bench/scale_rows.py" --json "$out/scale.json" >>"$out/scale.log" 2>&1
    echo "scale: done" >&2
}
scale

[ ${#names[@]} -gt 0 ] || { echo "run.sh: --only ${only[*]}: no such bench" >&2; exit 2; }
"$python" "$root/scripts/bench/table.py" "$out" "${names[@]}"
code=$?
load=$(cut -d' ' -f1 /proc/loadavg)
printf '\n%s cores, load %s at the end, %s minutes in all\n' "$cores" "$load" "$((SECONDS / 60))"
exit $code
}
