#pragma once

// Boost 1.74's Asio finds std::exchange by itself only after <utility> (C++20 coroutines, g++ 12).
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace troupe {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using tcp_socket = asio::ip::tcp::socket;

} // namespace troupe
