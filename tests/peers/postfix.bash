# A Postfix of its own, beside whatever the machine runs: what it takes ends in a maildir. Sourced after support.bash;
# it needs root, because Postfix does.

# start_postfix NAME PORT [with-auth]: starts one under $WORK/NAME, which delivers to $WORK/NAME/mail/inbox/new. With
# `with-auth` it takes mail only from relay@relay.example (password: secret), over TLS; without, from everybody.
start_postfix() {
    local folder=$WORK/$1 port=$2 auth=${3:-}
    mkdir -p "$folder"/{queue,data,mail,config,dovecot}
    chmod 755 "$WORK" "$folder"
    chown postfix "$folder/data"
    chown nobody "$folder/mail"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
    cat >"$folder/config/main.cf" <<END
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = $1.example
mydestination =
local_transport = error:no local mail
virtual_mailbox_domains = static:all
virtual_mailbox_base = $folder/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
smtpd_tls_cert_file = $folder/cert.pem
smtpd_tls_key_file = $folder/key.pem
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtputf8_enable = yes
maillog_file = $folder/log
maillog_file_prefixes = $folder
END
    cat >"$folder/config/master.cf" <<END
127.0.0.1:$port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
END
    if [ "$auth" = with-auth ]; then
        cat >>"$folder/config/main.cf" <<END
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $folder/auth
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
END
        cat >"$folder/dovecot.conf" <<END
base_dir = $folder/dovecot
log_path = $folder/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login
disable_plaintext_auth = no
passdb {
  driver = static
  args = user=relay@relay.example password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/tmp
}
service auth {
  unix_listener $folder/auth {
    mode = 0666
  }
}
END
        dovecot -c "$folder/dovecot.conf"
    fi
    postfix -c "$folder/config" start 2>>"$folder/start" || fail "Postfix did not start: $(cat "$folder/start")"
    POSTFIXES="${POSTFIXES:-} $folder"
}

# Ends every Postfix that was started here.
stop_postfixes() {
    local folder
    for folder in ${POSTFIXES:-}; do
        postfix -c "$folder/config" stop 2>>"$folder/start" || true
        [ ! -e "$folder/dovecot.conf" ] || doveadm -c "$folder/dovecot.conf" stop || true
    done
    POSTFIXES=
}

# arrived NAME COUNT: waits until so many messages are in its maildir.
arrived() {
    local tries count=0
    for tries in $(seq 300); do
        count=$(find "$WORK/$1/mail/inbox/new" -type f 2>/dev/null | wc -l)
        [ "$count" -lt "$2" ] || break
        sleep 0.1
    done
    is "messages that $1 delivered" "$2" "$count"
}
