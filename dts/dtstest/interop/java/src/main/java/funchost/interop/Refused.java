package funchost.interop;

/** The failure that orchestrators and activities fail with when they are told to. */
final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1;

    Refused(String why) {
        super(why);
    }
}
