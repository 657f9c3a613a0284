// daemon/certificates.h: what the virtual servers of a configuration show clients that begin TLS.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ringpost/config/configuration.h>
#include <ringpost/tls/server_context.h>

namespace ringpost::daemon {

// The files of a certificate, open.
struct CertificateFiles {
  int chain = -1;
  int key = -1;
};

// One context a core, in order.
using CoreContexts = std::vector<std::shared_ptr<const tls::ServerContext>>;

// By the names of the virtual servers that have a certificate. Reads and checks the files, so off the cores; what was
// read of a key is wiped. Error: a sentence that names the file.
std::expected<std::map<std::string, CoreContexts>, std::string> make_contexts(
    const config::Configuration& configuration, const std::map<std::string, CertificateFiles>& files,
    std::size_t cores);

}  // namespace ringpost::daemon
