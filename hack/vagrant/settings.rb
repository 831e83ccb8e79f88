# Print every setting that a Vagrantfile makes, a line each, blocks of machines and providers
# included: for where there is neither Vagrant nor a hypervisor.
#
#   ruby settings.rb Vagrantfile

# A Recorder takes any call for a setting.
class Recorder < BasicObject
  def initialize(path)
    @path = path
  end

  def method_missing(name, *args, **options, &block)
    said = args.map(&:inspect) + options.map { |key, value| "#{key}: #{value.inspect}" }
    ::Kernel.puts "#{@path}.#{name} #{said.join(', ')}".sub(/(\w)= /, "\\1 = ") unless said.empty? || block
    inner = ::Recorder.new(block ? "#{@path}.#{name}(#{said.join(', ')})" : "#{@path}.#{name}")
    block&.call(*[inner] * block.arity.abs)
    inner
  end

  def respond_to_missing?(*) = true
end

# What a Vagrantfile may ask of Vagrant itself.
module Vagrant
  VERSION = "2.4.9"

  def self.configure(_version) = yield(Recorder.new("config"))

  def self.has_plugin?(*) = false
end

load ARGV.fetch(0)
