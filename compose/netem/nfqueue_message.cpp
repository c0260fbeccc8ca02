#include "compose/netem/nfqueue_message.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace status2::netem {

namespace {

template <class Struct>
void append_struct(std::string& out, const Struct& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// A message with one attribute. Every size here is a multiple of four but the
// one of the parameters, hence the padding.
template <class Attribute>
void append_message(std::string& out, int type, int flags, std::uint16_t queue,
                    int attribute, const Attribute& value) {
  const std::size_t padded = NLA_ALIGN(sizeof value);
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(
      sizeof(nlmsghdr) + sizeof(nfgenmsg) + NLA_HDRLEN + padded);
  header.nlmsg_type =
      static_cast<std::uint16_t>((NFNL_SUBSYS_QUEUE << 8) | type);
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  nfgenmsg queue_header{};
  queue_header.nfgen_family = AF_UNSPEC;
  queue_header.version = NFNETLINK_V0;
  queue_header.res_id = htons(queue);
  nlattr head{};
  head.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + sizeof value);
  head.nla_type = static_cast<std::uint16_t>(attribute);
  append_struct(out, header);
  append_struct(out, queue_header);
  append_struct(out, head);
  append_struct(out, value);
  out.append(padded - sizeof value, '\0');
}

nfqnl_msg_verdict_hdr verdict_header(std::uint32_t id, verdict decision) {
  nfqnl_msg_verdict_hdr value{};
  value.verdict = htonl(static_cast<std::uint32_t>(decision));
  value.id = htonl(id);
  return value;
}

// The packet's id: the attribute NFQA_PACKET_HDR among those of the message.
bool find_packet_id(std::span<const char> attributes, std::uint32_t& id) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr head;
    std::memcpy(&head, attributes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > attributes.size())
      return false;
    nfqnl_msg_packet_hdr packet;
    if ((head.nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR &&
        head.nla_len >= NLA_HDRLEN + sizeof packet) {
      std::memcpy(&packet, attributes.data() + NLA_HDRLEN, sizeof packet);
      id = ntohl(packet.packet_id);
      return true;
    }
    attributes = attributes.subspan(
        std::min<std::size_t>(NLA_ALIGN(head.nla_len), attributes.size()));
  }
  return false;
}

}  // namespace

void append_bind(std::string& out, std::uint16_t queue) {
  nfqnl_msg_config_cmd command{};
  command.command = NFQNL_CFG_CMD_BIND;
  command.pf = htons(AF_INET);
  append_message(out, NFQNL_MSG_CONFIG, NLM_F_ACK, queue, NFQA_CFG_CMD,
                 command);
}

void append_copy_meta(std::string& out, std::uint16_t queue) {
  nfqnl_msg_config_params parameters{};
  parameters.copy_mode = NFQNL_COPY_META;
  append_message(out, NFQNL_MSG_CONFIG, NLM_F_ACK, queue, NFQA_CFG_PARAMS,
                 parameters);
}

void append_queue_length(std::string& out, std::uint16_t queue,
                         std::uint32_t length) {
  append_message(out, NFQNL_MSG_CONFIG, NLM_F_ACK, queue, NFQA_CFG_QUEUE_MAXLEN,
                 htonl(length));
}

void append_verdict(std::string& out, std::uint16_t queue, std::uint32_t id,
                    verdict decision) {
  append_message(out, NFQNL_MSG_VERDICT, 0, queue, NFQA_VERDICT_HDR,
                 verdict_header(id, decision));
}

void append_accept_up_to(std::string& out, std::uint16_t queue,
                         std::uint32_t id) {
  append_message(out, NFQNL_MSG_VERDICT_BATCH, 0, queue, NFQA_VERDICT_HDR,
                 verdict_header(id, verdict::accept));
}

void for_each_reply(std::span<const char> bytes,
                    const std::function<void(const reply&)>& handle) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size())
      return;
    const auto body =
        bytes.subspan(sizeof header, header.nlmsg_len - sizeof header);
    reply found{reply_kind::packet};
    if (header.nlmsg_type == NLMSG_ERROR && body.size() >= sizeof(int)) {
      found.kind = reply_kind::error;
      std::memcpy(&found.code, body.data(), sizeof found.code);
      found.code = -found.code;
      handle(found);
    } else if (header.nlmsg_type ==
                   ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET) &&
               body.size() >= sizeof(nfgenmsg) &&
               find_packet_id(body.subspan(sizeof(nfgenmsg)), found.id)) {
      handle(found);
    }
    bytes = bytes.subspan(
        std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
  }
}

}  // namespace status2::netem
