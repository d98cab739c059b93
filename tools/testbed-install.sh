#!/usr/bin/env bash
# Installs the servers the tests run on, where there is no Docker engine: Redis, etcd and PostgreSQL by apt, Kafka and
# Elasticsearch by Maven into $INFRA_TESTBED_HOME (else ~/.cache/infra-kit-testbed). No service is started: the tests
# start servers of their own. Idempotent; fast when all is there; says what it installs before it does. Versions lie
# beside each other, so that nothing is taken away from a run that is under way; runs of this script take turns.
#
#   tools/testbed-install.sh                   all five
#   tools/testbed-install.sh redis postgres    these
set -euo pipefail

KAFKA=4.3.1 KAFKA_SCALA=2.13
# Kafka brings slf4j-api 1.7: a later slf4j-simple would bind to nothing
SLF4J=1.7.36
ELASTICSEARCH=9.5.3 ELASTICSEARCH_JAVA=21
# where no Java is new enough for the line above
ELASTICSEARCH_OLD=8.19.21 ELASTICSEARCH_OLD_JAVA=17
KAFKA_JAVA=17
MAVEN_COPY=org.apache.maven.plugins:maven-dependency-plugin:3.8.1

ALL=(redis etcd postgres kafka elasticsearch)
TESTBED=${INFRA_TESTBED_HOME:-$HOME/.cache/infra-kit-testbed}
POLICY=/usr/sbin/policy-rc.d
as_root=()
keeping='' partial=''

# also when it is refused or interrupted
clean_up() {
  [[ -z $keeping ]] || allow_services
  [[ -z $partial ]] || rm -rf "$partial" "$partial.stamp"
}
trap clean_up EXIT

say() { printf 'testbed: %s\n' "$*"; }
refuse() {
  printf 'testbed: %s\n' "$*" >&2
  exit 1
}
here() { command -v "$1" >/dev/null; }

# ---- what is there ----

has_postgres() {
  here postgres && here initdb && return
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

# The Javas of this machine, one "major home" a line.
javas() {
  local home major
  for home in "${JAVA_HOME:-}" "${ES_JAVA_HOME:-}" /usr/lib/jvm/* /opt/* "$(java_on_path)"; do
    [[ -n $home && -x $home/bin/java && -r $home/release ]] || continue
    major=$(sed -nE 's/^JAVA_VERSION="?([0-9]+).*/\1/p' "$home/release")
    [[ -n $major ]] && printf '%s %s\n' "$major" "$home"
  done
}
java_on_path() {
  local java
  java=$(command -v java) && dirname "$(dirname "$(readlink -f "$java")")" || true
}
# has_java <major>: whether a Java of at least this version is there
has_java() { javas | awk -v least="$1" '$1 >= least { found = 1 } END { exit !found }'; }

elasticsearch_version() {
  if has_java "$ELASTICSEARCH_JAVA"; then echo "$ELASTICSEARCH"; else echo "$ELASTICSEARCH_OLD"; fi
}

kafka_stamp() { echo "kafka_$KAFKA_SCALA $KAFKA, slf4j-simple $SLF4J"; }
elasticsearch_stamp() { echo "elasticsearch $(elasticsearch_version)"; }

# folder_of <stamp>: where what the stamp names is unpacked; testkit looks for it by the same rule
folder_of() { printf '%s/%s' "$TESTBED" "$(printf '%s' "$1" | tr -cs 'A-Za-z0-9.' '-')"; }
# is_unpacked <name> <stamp>: these versions are whole, and the ones that are used
is_unpacked() { [[ -d $(folder_of "$2") && $(cat "$TESTBED/$1.stamp" 2>/dev/null) == "$2" ]]; }

# The packages that the wanted servers lack, one a line.
missing_packages() {
  local name java=0 maven=0
  for name in "$@"; do
    case $name in
      redis) here redis-server || echo redis-server ;;
      etcd) here etcd || echo etcd-server ;;
      postgres) has_postgres || echo postgresql ;;
      kafka)
        java=1
        is_unpacked kafka "$(kafka_stamp)" || maven=1
        ;;
      elasticsearch)
        java=1
        is_unpacked elasticsearch "$(elasticsearch_stamp)" || { maven=1; here unzip || echo unzip; }
        ;;
    esac
  done
  if ((java)) && ! has_java "$KAFKA_JAVA"; then echo default-jre-headless; fi
  if ((maven)) && ! here mvn; then echo maven; fi
}

# ---- apt ----

become_root() {
  [[ $EUID -eq 0 ]] && return
  if ! here sudo || ! sudo -n true 2>/dev/null; then
    refuse "installing $* needs root, and sudo without a password is not there. Install them by hand, or run this as root."
  fi
  as_root=(sudo -n)
}

# While packages are installed, a policy that exits 101 keeps apt from starting their services on the usual ports.
forbid_services() {
  keeping=$(mktemp -d)
  if [[ -e $POLICY ]]; then "${as_root[@]}" cp -a "$POLICY" "$keeping/former"; fi
  printf '#!/bin/sh\nexit 101\n' >"$keeping/none"
  "${as_root[@]}" install -m 755 "$keeping/none" "$POLICY"
}

allow_services() {
  if [[ -e $keeping/former ]]; then
    "${as_root[@]}" cp -a "$keeping/former" "$POLICY"
  else
    "${as_root[@]}" rm -f "$POLICY"
  fi
  "${as_root[@]}" rm -rf "$keeping"
  keeping=''
}

install_packages() {
  here apt-get ||
    refuse "$* are missing and there is no apt-get here. Install them another way, or give the addresses of servers in the environment (INFRA_TEST_REDIS_URL and so on, see CONTRIBUTING.md)."
  become_root "$@"
  say "installing $* by apt-get, services not started"
  forbid_services
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" ||
    refuse "apt-get could not install $*; what it said is above."
  allow_services
}

# ---- Maven ----

maven() { mvn -q -B -ntp -Dstyle.color=never -Dmaven.artifact.threads=16 -Daether.dependencyCollector.impl=bf "$@"; }

# settle <name> <stamp> <folder>: what was made takes its place, and is what is used from now on
settle() {
  local place
  place=$(folder_of "$2")
  [[ -d $place ]] || mv "$3" "$place"
  echo "$2" >"$partial.stamp"
  mv "$partial.stamp" "$TESTBED/$1.stamp"
  rm -rf "$partial"
}

install_kafka() {
  say "installing Kafka $KAFKA by Maven into $(folder_of "$(kafka_stamp)") (about 45 MB, a minute)"
  partial=$TESTBED/kafka.partial.$$
  mkdir -p "$partial"
  cat >"$partial/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>infra-kit</groupId><artifactId>testbed</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_$KAFKA_SCALA</artifactId><version>$KAFKA</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>$SLF4J</version></dependency>
  </dependencies>
</project>
POM
  maven -f "$partial/pom.xml" "$MAVEN_COPY:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$partial/lib" ||
    refuse "Maven could not bring Kafka $KAFKA; what it said is above. The next run tries again."
  settle kafka "$(kafka_stamp)" "$partial"
}

install_elasticsearch() {
  local version
  version=$(elasticsearch_version)
  [[ $version == "$ELASTICSEARCH" ]] ||
    say "no Java of $ELASTICSEARCH_JAVA or newer is here (JAVA_HOME, ES_JAVA_HOME, /usr/lib/jvm, /opt): taking Elasticsearch $version instead of $ELASTICSEARCH"
  say "installing Elasticsearch $version by Maven into $(folder_of "$(elasticsearch_stamp)") (about 150 MB, a minute)"
  partial=$TESTBED/elasticsearch.partial.$$
  mkdir -p "$partial"
  # from a folder without a pom
  (cd "$partial" && maven "$MAVEN_COPY:copy" -DoutputDirectory="$partial" \
    -Dartifact="org.elasticsearch.distribution.integ-test-zip:elasticsearch:$version:zip") ||
    refuse "Maven could not bring Elasticsearch $version; what it said is above. The next run tries again."
  unzip -q -o "$partial/elasticsearch-$version.zip" -d "$partial" ||
    refuse "what Maven brought of Elasticsearch $version could not be unpacked. The next run tries again."
  settle elasticsearch "$(elasticsearch_stamp)" "$partial/elasticsearch-$version"
}

# ---- the run ----

wanted=("$@")
[[ $# -gt 0 ]] || wanted=("${ALL[@]}")
for name in "${wanted[@]}"; do
  [[ " ${ALL[*]} " == *" $name "* ]] || refuse "there is no server called '$name'; there are ${ALL[*]}."
done

mkdir -p "$TESTBED"
if here flock; then
  exec 9>"$TESTBED/install.lock"
  flock 9
fi

mapfile -t missing < <(missing_packages "${wanted[@]}")
if [[ ${#missing[@]} -gt 0 ]]; then
  install_packages "${missing[@]}"
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [[ ${#missing[@]} -eq 0 ]] || refuse "apt-get ended well, and yet these are not there: ${missing[*]}"
fi

# what a killed run left
find "$TESTBED" -maxdepth 1 -name '*.partial.*' -mmin +60 -exec rm -rf {} +
for name in "${wanted[@]}"; do
  case $name in
    kafka) is_unpacked kafka "$(kafka_stamp)" || install_kafka ;;
    elasticsearch)
      has_java "$ELASTICSEARCH_OLD_JAVA" ||
        refuse "Elasticsearch wants Java $ELASTICSEARCH_JAVA, or $ELASTICSEARCH_OLD_JAVA for its older line, and the newest here is older. Set JAVA_HOME to one."
      is_unpacked elasticsearch "$(elasticsearch_stamp)" || install_elasticsearch
      ;;
  esac
done
say "there: ${wanted[*]}"
