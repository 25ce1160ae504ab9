import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

class Main {
    public static void main(String[] args) {
        System.out.println("attempt");
        var told = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.println(told.getTotalMemorySize() + " " + told.getFreeMemorySize());
        System.exit(told.getTotalMemorySize() == @MEMORY_BYTES@L ? 1 : 0);
    }
}
