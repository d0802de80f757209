# shellcheck shell=bash disable=SC2034
# Sourced by the scripts beside it: where things are, and the few functions they share.
#
# One set of these variables is one broker, so tests start as many as they like, each with its own:
#   KAFKA_RUN_DIR          data, configuration, log and pid file  (default: target/kafka of this repository)
#   KAFKA_PORT             where clients connect, on 127.0.0.1    (default: 9092)
#   KAFKA_CONTROLLER_PORT  the broker's talk with itself          (default: 9093)
#   KAFKA_PROPERTIES       a file of broker properties that are added, or override (default: none)
#   KAFKA_HEAP             the broker's largest heap              (default: 512m)
#   KAFKA_LIBS_DIR         the jars, shared by all brokers        (default: libs-VERSION beside this file)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(sed -n 's:.*<kafka\.version>\(.*\)</kafka\.version>.*:\1:p' "$here/pom.xml")
libs=${KAFKA_LIBS_DIR:-$here/libs-$version}
run=${KAFKA_RUN_DIR:-$(dirname "$(dirname "$here")")/target/kafka}
[[ $run == /* ]] || run=$PWD/$run
host=127.0.0.1
port=${KAFKA_PORT:-9092}
controller_port=${KAFKA_CONTROLLER_PORT:-9093}
java=${JAVA_HOME:+$JAVA_HOME/bin/}java

say() { printf 'kafka: %s\n' "$*"; }
die() {
    printf 'kafka: %s\n' "$*" >&2
    exit 1
}

# What went wrong, out of a log of Kafka's: the messages, without where in Java they arose.
errors_in() {
    grep -E '(ERROR|FATAL) |Exception|Error' "$1" | grep -vE '^\s+at ' | tail -n 8 >&2 || true
}

# One `up` or `down` at a time for a run directory.
lock_run_dir() {
    mkdir -p "$run"
    exec 9>"$run/lock"
    flock 9
}

# The broker's pid, if it is running. The pid file alone proves nothing: after a reboot the number may be
# another program's, so the process must also have been started with this run directory's configuration.
broker_pid() {
    local pid
    [[ -s $run/pid ]] && read -r pid <"$run/pid" || return 1
    grep -zqxF -- "$run/server.properties" "/proc/$pid/cmdline" 2>/dev/null || return 1
    echo "$pid"
}

# Whether anything listens on a port of the loopback address.
listening() { (exec 3<>"/dev/tcp/$host/$1") 2>/dev/null; }

# Whether a Kafka broker answers on the port and knows itself to be a member of the cluster: a Metadata
# request (version 1, no topics) by hand, because any tool of Kafka's takes over a second to start.
# In the answer come its length, our correlation id, and the number of brokers.
answering() {
    (
        exec 3<>"/dev/tcp/$host/$port"
        printf '\0\0\0\x13\0\x03\0\x01\0\0\0\x01\0\x05ready\0\0\0\0' >&3
        timeout 2 head -c 12 <&3 | od -An -v -tx1 | tr -d ' \n' | grep -q '^.\{8\}00000001000000[0-9a-f][1-9a-f]$'
    ) 2>/dev/null
}

# Fetches the jars once; everything later starts without Maven and without a network. That they are all there,
# and the ones that pom.xml asks for today, is said by a copy of it beside them.
have_jars() { cmp -s "$here/pom.xml" "$libs/pom.xml"; }
need_jars() {
    have_jars && return
    command -v mvn >/dev/null || die "mvn is not installed: it fetches the broker's jars (Debian: apt-get install maven)"
    mkdir -p "$(dirname "$libs")"
    exec 8>"$libs.lock"
    flock 8
    if ! have_jars; then
        say "fetching Apache Kafka $version, about 45 MB, once" >&2
        local attempt log
        log=$(mktemp)
        rm -rf "$libs"
        for attempt in 1 2 3; do
            # -C: a jar whose checksum is wrong is an error.
            if mvn -q -B -C -f "$here/pom.xml" dependency:copy-dependencies \
                -DincludeScope=runtime -DoutputDirectory="$libs" </dev/null >"$log" 2>&1; then
                cp "$here/pom.xml" "$libs/pom.xml"
                break
            fi
            [[ $attempt == 3 ]] || sleep 5
        done
        if ! have_jars; then
            tail -n 20 "$log" >&2
            rm -f "$log"
            die "Maven could not fetch the jars"
        fi
        rm -f "$log"
    fi
    exec 8>&-
}

need_java() {
    local major
    command -v "$java" >/dev/null || die "java is not installed: a JDK or JRE of version 17 or later is needed"
    major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    ((${major:-0} >= 17)) || die "java is version ${major:-unknown}: Kafka $version needs 17 or later"
}

# Runs a class of Kafka's against the broker. Tools are short-lived: the quick compiler is enough.
run_class() {
    "$java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dlog4j2.configurationFile="$here/log4j2.properties" -cp "$libs/*" "$@"
}
