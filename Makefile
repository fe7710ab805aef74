# Thin on purpose: every target is a few commands that can be typed by hand.
SHELL = /bin/bash
PREFIX = /usr/local
BUILD = swift build -c release
PACKAGES = libsqlite3-dev libzstd-dev
TEST_PACKAGES = $(PACKAGES) strace python3 rsync chromium prometheus man-db mandoc zsh fish systemd systemd-container dpkg-dev e2fsprogs
# What `make install` and `make deb` take; by default a build of its own that needs no Swift runtime on the host.
BIN = .build-static/release/sono
# What `sono --version` names of it.
COMMIT = $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)

.PHONY: run test fuzz lint bench growth crash-sweep fault-sweep power-loss model-test mutants soak systemd-test program man \
	completions install deb packages test-packages

run: packages
	$(BUILD) --product sono
	.build/release/sono demo

test: test-packages
	$(BUILD) --build-tests
	swift test -c release --skip-build

# An hour of libFuzzer over all decoders of untrusted bytes; MINUTES=10 for less.
MINUTES = 60
fuzz: packages
	Tests/Fuzzing/fuzz $(MINUTES)

lint:
	swift format lint --strict -r Sources Tests Package.swift

bench: packages
	$(BUILD) --product sono
	Tests/Peers/bench

# How the store behaves with a million jobs and ten million rows: some ten minutes, 5 GB of /tmp.
growth: packages
	$(BUILD) --product growth
	.build/release/growth

# Every crash point, every failing call and a thousand power losses, with tables at the end; and proof that these checks bite, which builds
# the program again for each protection that is taken out.
crash-sweep fault-sweep power-loss: test-packages
	$(BUILD) --product sono
	/usr/bin/python3 Tests/Faults/$(subst -,_,$@).py

# 2,000 random lives of spool and store beside their model.
model-test: test-packages
	$(BUILD) --build-tests
	SONO_MODEL_SEQUENCES=500 swift test -c release --skip-build --filter ModelBasedTests

mutants: test-packages
	/usr/bin/python3 Tests/Faults/mutants.py

# An hour at full load with faults at random; writes what came of it into the file that is committed.
soak: test-packages
	$(BUILD) --product sono
	/usr/bin/python3 Tests/Faults/soak.py --minutes $(MINUTES) --output Tests/Faults/soak.md

# The service under a real systemd, in a container over this machine's own files: three minutes, as root.
systemd-test: test-packages
	$(BUILD) --product sono
	/usr/bin/python3 Tests/Systemd/systemd_test.py

program: packages
	$(if $(filter .build-static/%,$(BIN)),SONO_COMMIT=$(COMMIT) $(BUILD) --product sono --static-swift-stdlib \
		--scratch-path .build-static)

# From the program's own help, into .build/man and .build/completions.
man: program
	rm -rf .build/man
	/usr/bin/python3 man/generate.py $(abspath $(BIN)) .build/man

completions: program
	mkdir -p .build/completions
	$(BIN) --generate-completion-script bash > .build/completions/sono
	$(BIN) --generate-completion-script zsh > .build/completions/_sono
	$(BIN) --generate-completion-script fish > .build/completions/sono.fish

deb: program
	packaging/deb $(BIN)

# Without symbols, which are two fifths of it.
install: program man completions
	install -Dsm755 $(BIN) $(DESTDIR)$(PREFIX)/bin/sono
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/sono/debian-sections Sources/sono/Resources/debian-sections/*
	install -Dm644 Sources/sono/Resources/pilot-criteria.yaml $(DESTDIR)$(PREFIX)/share/sono/pilot-criteria.yaml
	install -Dm644 -t $(DESTDIR)/usr/lib/systemd/system systemd/*.service systemd/*.socket
	sed -i 's|/usr/local/|$(PREFIX)/|' $(DESTDIR)/usr/lib/systemd/system/{sono.service,sono-http.service,sono-http.socket}
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/sono README.md
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/sono/docs docs/*
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man1 .build/man/man1/*.1
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man5 .build/man/man5/*.5
	install -Dm644 .build/completions/sono $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sono
	install -Dm644 .build/completions/_sono \
		$(DESTDIR)$(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)/_sono
	install -Dm644 .build/completions/sono.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/sono.fish
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/sono/prometheus integrations/prometheus/sono.rules.yml
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/sono/grafana integrations/grafana/sono.json
	install -Dm644 systemd/sono.sysusers $(DESTDIR)/usr/lib/sysusers.d/sono.conf
	install -Dm644 systemd/sono.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/sono.conf
	install -Dm644 -t $(DESTDIR)/etc/sono/pipeline.d pipeline.d/*.sample
	install -d $(DESTDIR)/etc/sono/models

# Installs missing Debian packages when root; otherwise says what to type.
define require
	@missing=; for p in $(1); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ $$(id -u) = 0 ]; then apt-get update -qq && apt-get install -y -qq $$missing; \
	else echo "missing packages: run  sudo apt-get install -y$$missing"; exit 1; fi
endef

packages:
	$(call require,$(PACKAGES))

test-packages:
	$(call require,$(TEST_PACKAGES))
