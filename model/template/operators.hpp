#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// Python's bool().
bool is_true(const template_value& value);

/// Python's ==. Counts steps, since a value may hold the same list many times over.
bool is_equal(template_meter& meter, const template_value& a, const template_value& b);

/// Python's <. Fails for types that have no order.
bool is_less(template_meter& meter, const template_value& a, const template_value& b);

/// needle in hay.
bool contains(template_meter& meter, const template_value& hay, const template_value& needle);

/// operation: + - * / // % **
template_value arithmetic(template_meter& meter, std::string_view operation, const template_value& a,
                          const template_value& b);

template_value negated(const template_value& value);

/// len(): code points, items, entries. Fails for what has none.
std::size_t length_of(const template_value& value);

/// What a loop goes over: items, keys, characters; nothing for an undefined value. An iterator is then empty.
std::vector<template_value> items_of(template_meter& meter, const template_value& value);

/// value.name: methods and attributes first, then keys. Undefined if there is none.
template_value attribute_of(template_meter& meter, const template_value& value, const std::string& name);

/// The same without keys: what the filter attr gives.
template_value own_attribute_of(const template_value& value, const std::string& name);

/// value[key]: keys and positions first, then attributes. Undefined if there is none.
template_value item_of(template_meter& meter, const template_value& value, const template_value& key);

/// value[start:stop:step], each None where not given.
template_value slice_of(template_meter& meter, const template_value& value, const template_value& start,
                        const template_value& stop, const template_value& step);

/// Runs a macro, function or bound method.
template_value call_value(template_meter& meter, const template_value& callee,
                          const call_arguments& arguments);

} // namespace troupe
